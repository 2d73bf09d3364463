"""Values of a server's answer. The SDKs build their objects without looking: where text belongs, anything may stand."""

from __future__ import annotations

from typing import Any

from .characters import mended

MOST_CALLS = 1000
"""Calls, or other parts, that one answer may have; whoever sends more is broken, or means harm."""


def text(value: Any) -> str:
    """`value`, which must be text; "" where it is missing.

    Raises:
        TypeError: it is something else.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} in the place of text")
    return value


def label(value: Any) -> str:
    """A name, such as that of a model or the id of a call: text, or a number, which some servers take.

    Raises:
        TypeError: it is something else.
    """
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else mended(text(value))


def count(value: Any) -> int:
    """A number of tokens; 0 where it is missing or below.

    Raises:
        TypeError: it is no whole number.
    """
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise TypeError(f"{value!r} in the place of a number of tokens")
    return max(0, int(value))
