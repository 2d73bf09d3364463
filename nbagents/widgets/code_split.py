"""Takes an agent's markdown apart into prose and blocks that run, so that code is shown once: where it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..executors.fenced_code import commonmark, lines_of


@dataclass(frozen=True, slots=True)
class Prose:
    """Markdown between blocks."""

    markdown: str


@dataclass(frozen=True, slots=True)
class Fence:
    """The place of the `index`-th of the blocks that were looked for."""

    index: int


def split_at_code(markdown: str, codes: Sequence[str]) -> list[Prose | Fence]:
    """`markdown` cut at the fences that hold `codes`, in order.

    Returns:
        Prose and fences as they stand; a code that no fence holds is left out.
    """
    # Not the renderer's parser: fences must be found as `extract_code_blocks` finds what runs.
    lines = lines_of(markdown)
    wanted = list(enumerate(codes))
    parts: list[Prose | Fence] = []
    done = 0
    for token in commonmark().parse(markdown):
        if token.type != "fence" or token.map is None:
            continue
        found = next((item for item in wanted if item[1].strip("\n") == token.content.strip("\n")), None)
        if found is None:
            continue
        wanted.remove(found)
        parts += [*_prose(lines[done : token.map[0]]), Fence(found[0])]
        done = token.map[1]
    return [*parts, *_prose(lines[done:])]


def _prose(lines: Sequence[str]) -> list[Prose | Fence]:
    text = "".join(lines).strip("\n")
    return [Prose(text)] if text.strip() else []
