"""Asks a question on the terminal: what a run does with a question when no notebook shows it."""

from __future__ import annotations

import sys

from ..errors import HumanInputUnavailable
from ..waiting import wait_in_thread
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

    A reply may come through a pipe as well; leave to run code is given at a terminal only.

    Raises:
        HumanInputUnavailable: nobody can answer there.
    """
    if not sys.stdin or (question.kind == "approval" and not sys.stdin.isatty()):
        raise _nobody(question, "standard input is not a terminal")
    try:
        line = await wait_in_thread(input, prompt_for(question))
    except (EOFError, OSError) as error:
        raise _nobody(question, "standard input has ended") from error
    except NotImplementedError as error:  # of a kernel whose front end takes no input
        raise _nobody(question, "nothing can be typed here") from error
    question.answer(parse_reply(question, line, "console"))


def _nobody(question: Question, why: str) -> HumanInputUnavailable:
    return HumanInputUnavailable(f"{question.prompt!r} needs a person, and {why}: {_instead_of(question)}")


def _instead_of(question: Question) -> str:
    """What a script that nobody watches does where a person would be asked."""
    if question.kind == "reply":
        return f"give {question.agent} an input_func that answers"
    return (
        "give a CodeExecutorAgent an approval_func that decides; or, if code and tools may run unasked here, run it in "
        '`with nbagents.runtime.approving("always"):`'
    )
