"""A transcript as markdown and as plain text: for terminals, screen readers, diffs and front ends without HTML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import groupby
from textwrap import indent

from ..executors.fenced_code import commonmark, lines_of
from . import wording
from .items import Asked, Block, Item, Resumed, Said, Task, Thought, ToolCall
from .outputs import outputs_text
from .plain import plain_text
from .sanitize import visible
from .transcript import Transcript

Prose = Callable[[str], str]
Code = Callable[[str, str], str]

_SCHEME = re.compile(r"(javascript|vbscript|data|file)(\\?):", re.I)


def as_text(transcript: Transcript) -> str:
    """The transcript as plain text."""
    return "\n\n".join([f"{transcript.name}: {_status(transcript)}", *_parts(transcript, _said_text, _code_text)])


def as_markdown(transcript: Transcript) -> str:
    """The transcript as markdown that holds no HTML, no picture and no script, whatever the agents wrote."""
    head = f"**{transcript.name}** · {_status(transcript)}"
    return "\n\n".join([inert_markdown(head), *_parts(transcript, inert_markdown, _fenced)])


def inert_markdown(markdown: str) -> str:
    """`markdown` with nothing in it but text, links to the web and code.

    Not every front end cleans markdown in a notebook that it trusts. Code in top-level fences is kept as it is,
    within a fence that it cannot close; elsewhere no character can begin a tag, an entity or a picture.
    """
    lines, done, parts = lines_of(visible(plain_text(markdown))), 0, []
    for token in commonmark().parse("".join(lines)):
        if token.type == "fence" and token.level == 0 and token.map:
            language = re.sub(r"\W.*", "", token.info.strip(), flags=re.S)
            parts += [_inert("".join(lines[done : token.map[0]])), _fenced(token.content.rstrip("\n"), language)]
            done = token.map[1]
    parts.append(_inert("".join(lines[done:])))
    return "\n\n".join(filter(None, (part.strip("\n") for part in parts)))


def _inert(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace("![", "!\\[")
    return _SCHEME.sub(r"\1 \2:", text)


def _fenced(code: str, language: str = "") -> str:
    longest = max((len(run) for run in re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{visible(plain_text(code))}\n{fence}"


def _said_text(text: str) -> str:
    return visible(plain_text(text)).strip("\n")


def _code_text(code: str, language: str = "") -> str:
    return indent(visible(plain_text(code)), "    ")


def _status(transcript: Transcript) -> str:
    if transcript.status == "running":
        told = filter(None, [transcript.activity(), wording.how_to_answer(transcript)])
        return visible(" · ".join(told))
    return f"{transcript.status} · {' · '.join(wording.counts(transcript))}"


def _parts(transcript: Transcript, prose: Prose, code: Code) -> Iterator[str]:
    """The answer or the failure, then the turns, then the cost."""
    if transcript.answer:
        yield prose(transcript.answer)
    for (turn, agent), items in groupby(transcript.items, key=lambda item: (item.turn, item.agent)):
        if agent:
            yield prose(f"--- {turn} · {agent}" if turn else "--- task")
        for item in items:
            yield from ["(the answer above)"] if transcript.is_answer(item) else filter(None, _item(item, prose, code))
    yield prose(f"--- {' · '.join(filter(None, [wording.outcome(transcript), wording.cost(transcript)]))}")


def _item(item: Item, prose: Prose, code: Code) -> Iterator[str]:
    match item:
        case Task():
            yield prose(item.text)
            yield from (prose(line) for line in item.places)
            yield from (prose(f"shared: {line}") for line in item.shared)
        case Said():
            yield prose(item.markdown)
        case Thought():
            yield prose(f"(thought) {item.text}")
        case Block():
            yield prose(f"[{wording.title(item)} · {wording.state(item)}]")
            yield code(item.code, item.language)
            if item.reason or item.state == "rejected":
                yield prose(wording.reason(item))
            if shown := outputs_text(item.outputs):
                yield code(shown, "")
            if names := wording.names(item):
                yield prose(f"({names})")
        case Asked():
            yield prose(wording.reply(item) or f"({wording.waiting(item)}) {item.prompt}")
        case Resumed():
            yield prose(f"--- {wording.resumed(item)}")
        case ToolCall():
            yield prose(f"[{wording.title(item)} · {wording.state(item)}]")
            yield code(item.arguments, "")
            yield code(item.result, "")
