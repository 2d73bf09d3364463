"""What ``--use`` tells the agents of a variable: its name, its shape and its columns, never its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import UnknownNameError

MOST_COLUMNS = 100


def shared(names: Sequence[str], namespace: Mapping[str, Any]) -> dict[str, str]:
    """A description of each variable.

    Raises:
        UnknownNameError: there is no such variable; names the nearest one.
    """
    visible = [name for name in namespace if not name.startswith("_")]
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

    frame = nw.from_native(value, eager_only=True, allow_series=True, pass_through=True)
    kind = type(value).__name__
    if isinstance(frame, nw.DataFrame):
        rows, columns = frame.shape
        schema = frame.schema
        shown = ", ".join(f"{name} ({dtype})" for name, dtype in list(schema.items())[:MOST_COLUMNS])
        more = f", and {columns - MOST_COLUMNS} more" if columns > MOST_COLUMNS else ""
        return f"{kind} with {rows} rows and {columns} columns: {shown}{more}"
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
