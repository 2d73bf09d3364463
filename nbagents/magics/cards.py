"""What a defining cell shows: the agent or the team in a few words, in every front end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

LEFT = 'style="text-align: left"'
"""Notebooks set tables to the right, for numbers; these hold words. Where styles are stripped, it is left anyhow."""


@dataclass(frozen=True, slots=True)
class Card:
    """A title and a few facts; the body is folded."""

    title: str
    facts: Sequence[str]
    body: str = ""

    def __repr__(self) -> str:
        return " · ".join([self.title, *self.facts])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        line = " · ".join([f"<strong>{escape(self.title)}</strong>", *map(escape, self.facts)])
        folded = f"<details><summary>{line}</summary><pre>{escape(self.body)}</pre></details>"
        return {
            "text/plain": repr(self),
            "text/markdown": " · ".join([f"**{self.title}**", *self.facts]),
            "text/html": folded if self.body else f"<p>{line}</p>",
        }


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header; `empty` is said when there are none."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str = ""

    def __repr__(self) -> str:
        if not self.rows:
            return self.empty
        lines = [list(self.header), *map(list, self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.header))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        if not self.rows:
            return {"text/plain": self.empty}
        head = "".join(f"<th {LEFT}>{escape(cell)}</th>" for cell in self.header)
        cells = ("".join(f"<td {LEFT}>{escape(cell)}</td>" for cell in row) for row in self.rows)
        rows = "".join(f"<tr>{row}</tr>" for row in cells)
        return {
            "text/plain": repr(self),
            "text/html": f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>",
        }
