"""A transcript as it is saved in the notebook: HTML, markdown and plain text, with no widget behind it.

The HTML means something without any style, class or id, because GitHub strips them: the answer first, each turn
folded under one line that says what happened in it, then what it cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import groupby

from . import wording
from .items import Asked, Block, Item, Said, Task
from .markdown import to_html
from .outputs import picture_of, picture_type
from .render import block_code_html, block_result_html, item_html
from .sanitize import literal
from .text import as_markdown, as_text
from .transcript import Transcript

LARGEST = 6_000_000
"""Characters of HTML: what does not fit is left out and named. The journal has it all."""


class Room:
    """What is left of the space that a saved block may take."""

    def __init__(self, characters: int) -> None:
        self._left = characters

    def fit(self, html: str, what: str) -> str:
        """`html`, or a line that says that `what` was too large."""
        if len(html) > self._left:
            return f"<p><em>{literal(what)} is left out here: it is too large to be saved in a notebook.</em></p>"
        self._left -= len(html)
        return html


def bundle(transcript: Transcript) -> dict[str, str]:
    """The transcript under each MIME type that a notebook may show."""
    return {
        "text/html": as_html(transcript),
        "text/markdown": as_markdown(transcript),
        "text/plain": as_text(transcript),
    }


def as_html(transcript: Transcript) -> str:
    """The transcript as one HTML block."""
    room = Room(LARGEST)
    counts = [literal(count) for count in wording.counts(transcript)]
    head = " · ".join([f"<strong>{literal(transcript.name)}</strong>", transcript.status, *counts])
    figure = _last_figure(transcript) if transcript.status == "done" else None
    parts = [
        f"<summary>{head}</summary>",
        _headline(transcript, room),
        _figure(figure, room) if figure else "",
        *_turns(transcript, figure, room),
        _foot(transcript),
    ]
    return "<details open>\n" + "\n".join(filter(None, parts)) + "\n</details>"


def _headline(transcript: Transcript, room: Room) -> str:
    """The answer; where there is none, why."""
    if transcript.status == "done":
        return (
            room.fit(to_html(transcript.answer), "the answer") if transcript.answer else "<p>No answer was given.</p>"
        )
    if transcript.status == "running":
        told = filter(None, [transcript.activity(), wording.how_to_answer(transcript)])
        return f"<p><em>{literal(' · '.join(told))}</em></p>"
    phrase, line = wording.how_to_resume(transcript)
    how = f"<br>\n{phrase} <code>{escape(line)}</code>" if line else ""
    return f"<p><strong>{literal(wording.ending(transcript))}</strong>{how}</p>"


def _last_figure(transcript: Transcript) -> Block | None:
    """The block whose pictures belong to the answer: the last that drew any."""
    for block in reversed(transcript.blocks):
        if block.state == "done" and any(picture_type(output) for output in block.outputs):
            return block
    return None


def _figure(block: Block, room: Room) -> str:
    name = f"figure of block {block.number}"
    pictures = filter(None, (picture_of(output) for output in block.outputs))
    return "\n".join(room.fit(f"<p>{picture.html(name)}</p>", name) for picture in pictures)


def _turns(transcript: Transcript, figure: Block | None, room: Room) -> Iterator[str]:
    """Each turn folded; while the run goes on, all open."""
    opened = " open" if transcript.status == "running" else ""
    for (turn, agent), group in groupby(transcript.items, key=lambda item: (item.turn, item.agent)):
        items = list(group)
        if not agent:
            yield from map(item_html, items)
            continue
        told = " · ".join(
            filter(None, [str(turn or ""), literal(agent if turn else "task"), literal(_told(items, transcript))])
        )
        body = "\n".join(filter(None, (_item(item, transcript, figure, room) for item in items)))
        yield f"<details{opened}>\n<summary>{told}</summary>\n{body}\n</details>"


def _told(items: list[Item], transcript: Transcript) -> str:
    """What happened in a turn: its blocks, or else its first words."""
    blocks = [wording.preview(item) for item in items if isinstance(item, Block)]
    if blocks:
        return ", ".join(blocks)
    if any(transcript.is_answer(item) for item in items):
        return "the answer"
    return next((wording.preview(item) for item in items if isinstance(item, Said | Asked | Task)), "")


def _item(item: Item, transcript: Transcript, figure: Block | None, room: Room) -> str:
    if transcript.is_answer(item):
        return "<p><em>The answer stands above.</em></p>"
    if not wording.title(item):
        return room.fit(item_html(item), f"a text of {item.agent}")
    name, _, rest = " · ".join(filter(None, [wording.title(item), wording.state(item)])).partition(" · ")
    title = f"<p><strong>{literal(name)}</strong> · {literal(rest)}</p>"
    if not isinstance(item, Block):
        return f"{title}\n{room.fit(item_html(item), name)}"
    code = room.fit(block_code_html(item), name)
    result = room.fit(block_result_html(item, figures=item is not figure), f"the output of {name}")
    # Set in, so that code, output and the next block are told apart where no style does it.
    return "\n".join(filter(None, [title, code, f"<blockquote>{result}</blockquote>" if result else ""]))


def _foot(transcript: Transcript) -> str:
    # Of a run without an answer the head has said how it ended.
    told = [wording.ending(transcript) if transcript.status == "done" else "", wording.cost(transcript)]
    if transcript.status == "running":
        name = literal(transcript.name)
        told = [f"as far as it was: <code>%team show {name}</code> shows it anew", literal(wording.cost(transcript))]
        return f"<p><small>{' · '.join(told)}</small></p>"
    told[1:1] = transcript.settings.get("loosened") or []
    if transcript.runs_unasked:
        told.insert(1, "code ran in this notebook without being asked (--approve always)")
    return f"<p><small>{literal(' · '.join(filter(None, told)))}</small></p>"
