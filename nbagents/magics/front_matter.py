"""YAML in cells: front matter between ``---`` lines, or a whole body. Nothing in a body is ever interpolated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import FrontMatterError, UnknownNameError


def split(body: str) -> tuple[str, str, int]:
    """The YAML before the text, the text unchanged, and the 1-based line of the cell on which the YAML begins.

    Front matter is there only if the first line that is not blank is ``---``; a later ``---`` belongs to the text.

    Raises:
        FrontMatterError: front matter that is never closed.
    """
    lines = body.splitlines(keepends=True)
    # The magic is line 1 of the cell, so the body's first line is line 2.
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None or lines[first].strip() != "---":
        return "", body, 2
    for number in range(first + 1, len(lines)):
        if lines[number].strip() == "---":
            return "".join(lines[first + 1 : number]), "".join(lines[number + 1 :]), first + 3
    raise FrontMatterError("the front matter that begins here is never closed: end it with a line ---", first + 2)


class Mark:
    """Where the keys of a mapping stand in the cell, for errors."""

    def __init__(self, mapping: Any, first_line: int) -> None:
        self._positions = getattr(mapping, "lc", None)
        self._first_line = first_line

    def error(self, key: str, problem: str) -> FrontMatterError:
        """The error about the value of `key`."""
        try:
            line, column = self._positions.value(key)  # type: ignore[union-attr]  # ruamel's marks are untyped
        except (AttributeError, KeyError, TypeError):
            line, column = 0, 0
        return FrontMatterError(problem, line + self._first_line, column + 1)

    def key_error(self, key: str, problem: str) -> FrontMatterError:
        """The error about `key` itself."""
        try:
            line, column = self._positions.key(key)  # type: ignore[union-attr]  # ruamel's marks are untyped
        except (AttributeError, KeyError, TypeError):
            line, column = 0, 0
        return FrontMatterError(problem, line + self._first_line, column + 1)


def parse(yaml: str, first_line: int, keys: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """The values of a YAML mapping.

    Args:
        yaml: the text; empty is an empty mapping.
        first_line: the line of the cell on which it begins.
        keys: the keys that may be there, each with a function that checks and converts its value, or raises
            ValueError with what was expected.

    Raises:
        FrontMatterError: it does not parse, is no mapping, or has a key or value that does not fit.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    try:
        loaded = YAML(typ="rt").load(yaml)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if mark and error.context_mark and mark.line >= len(yaml.splitlines()):
            # Something was opened and never closed: show where, not the end of the text.
            mark = error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        problem = " ".join(str(error.problem or error.context or "not YAML").split())
        raise FrontMatterError(f"not YAML: {problem}", line + first_line, column + 1) from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise FrontMatterError(f"expected lines of the form `key: value`, keys: {', '.join(keys)}", first_line)
    marks = Mark(loaded, first_line)
    values = {}
    for key, value in loaded.items():
        if key not in keys:
            raise marks.key_error(key, str(UnknownNameError("key", str(key), keys)))
        try:
            values[key] = keys[key](value)
        except ValueError as error:
            raise marks.error(key, f"{key}: {error}") from None
    return values
