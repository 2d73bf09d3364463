"""Who imports what in the package, read from its source: nothing is executed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "nbagents"


@dataclass(frozen=True)
class Import:
    """One imported module, by its full name, and the place that imports it."""

    file: Path
    line: int
    module: str

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line} imports {self.module}"


def imports_of_package() -> list[Import]:
    """Every import of every module, those inside functions and for the type checker included."""
    return [found for file in sorted(PACKAGE.rglob("*.py")) for found in imports_in(file)]


def imports_in(file: Path) -> Iterator[Import]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            source = absolute_name(file, node)
            # `from . import x` may name a module x: each name counts as one.
            names = [f"{source}.{alias.name}" for alias in node.names] if source.startswith("nbagents") else [source]
            for name in names:
                yield Import(file, node.lineno, name)


def absolute_name(file: Path, node: ast.ImportFrom) -> str:
    """The module that a `from ... import` names, with its dots resolved."""
    if node.level == 0:
        return node.module or ""
    parents = file.relative_to(ROOT).parent.parts
    anchor = parents[: len(parents) - node.level + 1]
    return ".".join([*anchor, *([node.module] if node.module else [])])


def room_of(file: Path) -> str:
    """The room that a file belongs to: a folder of the package, or a module that stands alone."""
    first = file.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")
