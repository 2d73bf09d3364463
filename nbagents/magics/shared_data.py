"""What ``--use`` tells the agents of a variable: its name, its shape and its columns, never its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from ..errors import UnknownNameError

MOST_COLUMNS = 100

OF_IPYTHON = frozenset({"In", "Out", "exit", "quit", "open", "get_ipython"})
"""What is in every notebook's namespace and is nobody's data."""


def shared(names: Sequence[str], namespace: Mapping[str, Any]) -> dict[str, str]:
    """A description of each variable.

    Raises:
        UnknownNameError: there is no such variable; names the nearest one.
    """
    visible = [name for name in namespace if not name.startswith("_") and name not in OF_IPYTHON]
    for name in names:
        if name not in namespace:
            raise UnknownNameError("variable", name, visible, "--use takes names of this notebook's variables")
    return {name: describe(namespace[name]) for name in names}


def as_message(described: Mapping[str, str]) -> str:
    """The descriptions as a text for the agents."""
    lines = [f"- `{name}`: {description}" for name, description in described.items()]
    return "Data in the notebook:\n" + "\n".join(lines)


def describe(value: Any) -> str:
    """One line on `value`: its type, and where it has any, its shape and columns with their types."""
    import narwhals as nw

    kind = type(value).__name__
    try:
        frame = nw.from_native(value, eager_only=True, allow_series=True, pass_through=True)
    except nw.exceptions.DuplicateError:  # pandas alone allows two columns of one name
        return _table(kind, value.shape, zip(value.columns, value.dtypes, strict=True))
    if isinstance(frame, nw.DataFrame):
        return _table(kind, frame.shape, frame.schema.items())
    if isinstance(frame, nw.Series):
        return f"{kind} {frame.name!r} of {frame.dtype} with {len(frame)} values"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{kind} of {value.dtype} with shape {tuple(value.shape)}"
    if isinstance(value, Mapping):
        return f"{kind} with {len(value)} keys"
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes):
        return f"{kind} with {len(value)} elements"
    if callable(value):
        return f"function {getattr(value, '__name__', kind)}"
    return kind


def _table(kind: str, shape: tuple[int, int], schema: Iterable[tuple[object, object]]) -> str:
    rows, columns = shape
    shown = ", ".join(f"{name} ({dtype})" for name, dtype in islice(schema, MOST_COLUMNS))
    more = f", and {columns - MOST_COLUMNS} more" if columns > MOST_COLUMNS else ""
    return f"{kind} with {rows} rows and {columns} columns: {shown}{more}"
