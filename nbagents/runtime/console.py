"""Asks a question on the terminal: what a run does with a question when no notebook shows it."""

from __future__ import annotations

import asyncio
import sys

from ..errors import HumanInputUnavailable
from .questions import Answer, Decision, Question

APPROVAL_WORDS: dict[str, Decision] = {"y": "run", "yes": "run", "run": "run", "a": "allow", "all": "allow"}


def parse_reply(question: Question, line: str, channel: str) -> Answer:
    """What a line typed at a prompt means: y/run, a/all, or anything else as the reason to reject."""
    if question.kind == "reply":
        return Answer("reply", text=line, channel=channel)
    decision = APPROVAL_WORDS.get(line.strip().lower(), "reject")
    reason = line.strip() if decision == "reject" and line.strip().lower() not in {"n", "no"} else ""
    return Answer(decision, text=reason, channel=channel)


def prompt_for(question: Question) -> str:
    """The text of a prompt, with the code that is asked about and what may be typed."""
    if question.block is None:
        return f"{question.prompt}\n{question.agent}> "
    where = f" ({question.target})" if question.target else ""
    choices = f"[y] run, [a] all of {question.agent}, or a reason to reject: "
    return f"{question.prompt}{where}\n{question.block.code}\n{choices}"


async def ask_on_console(question: Question) -> None:
    """Read the answer from standard input, without blocking the loop.

    Raises:
        HumanInputUnavailable: standard input is not a terminal.
    """
    if not sys.stdin or not sys.stdin.isatty():
        raise HumanInputUnavailable(f"{question.prompt!r} needs a person, and standard input is not a terminal")
    line = await asyncio.to_thread(input, prompt_for(question))
    question.answer(parse_reply(question, line, "console"))
