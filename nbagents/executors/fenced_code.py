"""Finds the code in what an agent wrote: the fenced blocks of its markdown.

CommonMark decides what a fence is (indented in a list, tildes, longer fences around shorter ones), so that
what is run is exactly what the reader is shown as code.
"""

from __future__ import annotations

import re
import textwrap
from functools import cache
from typing import TYPE_CHECKING

from ..code import CodeBlock

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

PYTHON_FENCES = ("python", "py", "python3", "")


@cache
def commonmark() -> MarkdownIt:
    """The parser that decides what is code, for who runs it and who shows it; tags are text and hide nothing."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False})


def lines_of(markdown: str) -> list[str]:
    """The lines as markdown counts them, with their ends; `str.splitlines` would count more."""
    return re.findall(r"[^\n]*\n|[^\n]+", re.sub("\r\n?", "\n", markdown))


def extract_code_blocks(markdown: str, languages: tuple[str, ...] = PYTHON_FENCES) -> list[CodeBlock]:
    """The closed fenced blocks of `markdown` in one of `languages`, in order.

    Args:
        markdown: what an agent wrote.
        languages: the fence's first word in lower case; "" is a fence without a word.

    Returns:
        The blocks, with `language` "python" for every way to say so. A fence that is never closed is left out:
        the answer was cut off and half a block must not run.
    """
    lines = lines_of(markdown)
    blocks = []
    for token in commonmark().parse(markdown):
        if token.type != "fence" or token.map is None:
            continue
        first, end = token.map[0], min(token.map[1], len(lines))
        last = lines[end - 1].strip(" >\n")
        if end - first < 2 or not (last.startswith(token.markup) and not last.strip(token.markup[0])):
            continue
        language = (token.info.split() or [""])[0].lower()
        if language in languages:
            python = language in PYTHON_FENCES
            blocks.append(CodeBlock(code=token.content.rstrip("\n"), language="python" if python else language))
    return blocks


def blocks_of_message(content: str, languages: tuple[str, ...] = PYTHON_FENCES) -> list[CodeBlock]:
    """`extract_code_blocks`, and if there are none, those of `content` without the indentation of its lines.

    A program's triple-quoted message stands as far in as the program does: from four spaces on, CommonMark sees no
    fence there, and who wrote it does.
    """
    if blocks := extract_code_blocks(content, languages):
        return blocks
    first, _, rest = content.partition("\n")
    further_left = f"{first.lstrip()}\n{textwrap.dedent(rest)}"
    return extract_code_blocks(further_left, languages) if further_left != content else []
