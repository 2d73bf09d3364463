"""Markdown and code that are still being written, rendered so that the whole costs O(n).

A top-level block is finished as soon as another begins behind it; it is rendered once. Only the last block, which
may still change its meaning, is rendered again at every look. Code is one such block.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from ..executors.fenced_code import lines_of
from .markdown import parser, to_html
from .sanitize import visible

LONGEST_TAIL = 4_000
"""A block that grows beyond this is shown by its end only, until it is finished."""

SHOWN_OF_LONG_TAIL = 2_000


@dataclass(frozen=True, slots=True)
class Step:
    """What one look adds: HTML to append for good, and the HTML of the unfinished rest, which replaces the last one."""

    finished: str
    tail: str


class StreamedMarkdown:
    """One text while it comes."""

    def __init__(self) -> None:
        self._tail = ""
        self._finished: list[str] = []
        self._parsed = 0
        self.grew = False
        """True when something came since the last look."""

    def feed(self, text: str) -> None:
        """Add a piece of the text."""
        # One kind of line end, so that places in the text are places in its lines.
        self._tail += text.replace("\r", "")
        self.grew = True

    def look(self) -> Step:
        """Render what came since the last look."""
        self.grew = False
        cut = self._end_of_finished_blocks()
        finished, self._tail = self._tail[:cut], self._tail[cut:]
        html = to_html(finished) if finished.strip() else ""
        if html:
            self._finished.append(html)
        return Step(html, self._tail_html())

    def whole(self) -> Step:
        """All that was finished up to the last look, and the rest: for a view that begins now."""
        return Step("".join(self._finished), self._tail_html())

    def _end_of_finished_blocks(self) -> int:
        """Where the last top-level block begins. The line that is being written decides nothing yet."""
        complete = self._tail.rfind("\n") + 1
        # A long block is parsed again only when it has grown by an eighth: even one block of n costs O(n).
        if complete <= self._parsed or (complete > LONGEST_TAIL and complete < 1.125 * self._parsed):
            return 0
        text = self._tail[:complete]
        starts = [
            token.map[0] for token in parser().parse(text) if token.level == 0 and token.map and token.nesting >= 0
        ]
        if len(starts) < 2:
            self._parsed = complete
            return 0
        self._parsed = 0
        return sum(len(line) for line in lines_of(text)[: starts[-1]])

    def _tail_html(self) -> str:
        if len(self._tail) <= LONGEST_TAIL:
            return to_html(self._tail) if self._tail.strip() else ""
        return _end_html(self._tail[-SHOWN_OF_LONG_TAIL:], len(self._tail))


class StreamedCode:
    """Code while it comes; of a long one the end is shown, and kept."""

    def __init__(self) -> None:
        self._end, self._length = "", 0
        self.grew = False
        """True when something came since the last look."""

    def feed(self, text: str) -> None:
        """Add a piece of it."""
        self._length += len(text)
        self._end = (self._end + text)[-LONGEST_TAIL:]
        self.grew = True

    def look(self) -> Step:
        """All of it, as the rest that is not finished."""
        self.grew = False
        return self.whole()

    def whole(self) -> Step:
        """As `look`, for a view that begins now."""
        if self._length > LONGEST_TAIL:
            return Step("", _end_html(self._end[-SHOWN_OF_LONG_TAIL:], self._length))
        return Step("", f"<pre><code>{escape(visible(self._end))}</code></pre>" if self._end.strip() else "")


def _end_html(end: str, length: int) -> str:
    return f"<p><em>… {length:,} characters so far</em></p><pre><code>{escape(visible(end))}</code></pre>"
