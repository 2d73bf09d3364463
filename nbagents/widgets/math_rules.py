r"""Keeps LaTeX as it was written, for the notebook's own typesetter.

Markdown would read `\(` as an escaped bracket, `_` and `*` as emphasis and a line of `=` as a heading. These two
rules for markdown-it take `$…$`, `$$…$$`, `\(…\)` and `\[…\]` before it does, as tokens of the type "math". A dollar
that is in none of them is a dollar, and must not become the end of a formula where the typesetter has other rules.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

_CLOSED_BY = {"$$": "$$", "\\[": "\\]", "\\(": "\\)"}

LONGEST = 10_000
MOST_LINES = 200
"""A formula is not longer: what never closes must not be looked for through the whole text, again and again."""

# As Pandoc has it: no space inside the dollars and no digit behind them, so that prices stay prices.
_DOLLARS = re.compile(r"\$(?![\s$])(?:\\.|[^$\\])*?(?<!\s)\$(?!\d)", re.S)


def keep_math(markdown: MarkdownIt) -> None:
    """Add the rules to a parser."""
    markdown.inline.ruler.before("escape", "math", _inline)
    markdown.block.ruler.before("fence", "math", _block, {"alt": ["paragraph", "blockquote", "list"]})


def _inline(state: StateInline, silent: bool) -> bool:
    text = _math_at(state.src, state.pos, state.posMax)
    if not text:
        return False
    if not silent:
        state.push("math", "", 0).content = text
    state.pos += len(text)
    return True


def _math_at(source: str, start: int, end: int) -> str:
    closing = _CLOSED_BY.get(source[start : start + 2])
    if closing:
        stop = source.find(closing, start + 2, min(end, start + LONGEST))
        return source[start : stop + 2] if stop > start + 2 else ""
    if source[start] != "$":
        return ""
    found = _DOLLARS.match(source, start, min(end, start + LONGEST))
    return found[0] if found else ""


def _block(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A formula that begins a line and may hold lines which markdown would take for something else."""
    if state.is_code_block(first):
        return False
    start = state.bMarks[first] + state.tShift[first]
    closing = {"$$": "$$", "\\[": "\\]"}.get(state.src[start : start + 2])
    if not closing:
        return False
    begin = start + 2
    for line in range(first, min(last, first + MOST_LINES)):
        if line > first and state.sCount[line] < state.blkIndent:
            return False
        if state.src[begin : state.eMarks[line]].rstrip().endswith(closing):
            if not silent:
                _push_paragraph(state, first, line + 1)
            return True
        if line + 1 < last:
            begin = state.bMarks[line + 1]
    return False


def _push_paragraph(state: StateBlock, first: int, after: int) -> None:
    state.line = after
    state.push("paragraph_open", "p", 1).map = [first, after]
    inline = state.push("inline", "", 0)
    inline.content = state.getLines(first, after, state.blkIndent, False).strip()
    inline.map, inline.children = [first, after], []
    state.push("paragraph_close", "p", -1)
