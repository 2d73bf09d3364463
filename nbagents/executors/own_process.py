"""What is ended with an object, or at the latest with this process; not by a forked child, whose own it is not."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any


def finalize(owner: Any, end: Callable[..., object], *arguments: Any) -> weakref.finalize[Any, Any]:
    """`weakref.finalize`, which does nothing in a child that this process has forked."""
    process = os.getpid()

    def end_here() -> None:
        if os.getpid() == process:
            end(*arguments)

    return weakref.finalize(owner, end_here)


class OwnDirectory:
    """A temporary directory that only this user can enter; it goes with this object, or when `remove` is called.

    Args:
        parent: where it is made; the system's place for such directories unless given.
    """

    def __init__(self, parent: str | None = None) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="nbagents-", dir=parent))
        self.remove = finalize(self, shutil.rmtree, self.path, True)
