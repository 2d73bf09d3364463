"""Names of other frameworks for what is here."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["autogen"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
