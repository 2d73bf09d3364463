"""Whether a subclass, or a program that puts its own function there, does something in its own way.

Where one public method is usually done by way of another, AutoGen's programs expect theirs to be called.
"""

from __future__ import annotations

from typing import Any


def is_overridden(method: Any, original: Any) -> bool:
    """True unless `method`, as an object has it, is its class's `original`."""
    return getattr(method, "__func__", None) is not original
