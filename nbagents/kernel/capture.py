"""Captures what a block of agent code shows, and nothing that anybody else shows.

`redirect_stdout` and IPython's `capture_output` replace something global: held over an `await`, they swallow the
prints of the user's next cell. Here the streams and the display publisher stay what they are; while a block is in
flight their `write` and `publish` ask a context variable whose code is calling. Tasks and `asyncio.to_thread`
inherit the variable. What cannot inherit it (a plain thread, a child process writing to file descriptor 1) is taken
for the block's while the block holds the main thread and the thread was not there before.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from contextvars import ContextVar
from typing import Any

from jupyter_client.jsonutil import json_default

from ..executors.block_outputs import BlockOutputs

CAPTURE: ContextVar[Capture | None] = ContextVar("nbagents_capture", default=None)
"""Set in the context of a block."""


def inside_block() -> bool:
    """True in the code of a block and in its tasks."""
    return CAPTURE.get() is not None


class Capture(BlockOutputs):
    """Everything that one block of the live kernel shows."""

    holder: Capture | None = None
    """Of the block that is on the main thread now."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False
        self._pid = os.getpid()
        self._older_threads = frozenset(threading.enumerate()) - _watchers()

    @classmethod
    def current(cls) -> Capture | None:
        """The capture that the calling code's output belongs to; None when it is nobody's block."""
        capture = CAPTURE.get()
        if capture is None and cls.holder is not None and cls.holder._started(threading.current_thread()):
            capture = cls.holder
        if capture is None or capture.closed or capture._pid != os.getpid():
            return None
        return capture

    def _started(self, thread: threading.Thread) -> bool:
        return thread is not threading.main_thread() and thread not in self._older_threads

    def publish(self, data: dict[str, Any], metadata: dict[str, Any] | None, transient: dict[str, Any] | None) -> None:
        """`display(...)`."""
        super().publish(as_json(data), as_json(metadata or {}), transient)

    def update(self, data: dict[str, Any], metadata: dict[str, Any] | None, transient: dict[str, Any] | None) -> bool:
        """`update_display(...)`; False when the display is none of this block's."""
        return super().update(as_json(data), as_json(metadata or {}), transient)

    def result(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """The value of the last expression."""
        super().result(as_json(data), as_json(metadata))


def as_json(bundle: dict[str, Any]) -> dict[str, Any]:
    """A mime bundle or its metadata as it will be in the file: bytes in base64, what JSON cannot say left out."""
    found = {}
    for key, value in bundle.items():
        if isinstance(value, str):
            found[str(key)] = value
            continue
        try:
            found[str(key)] = json.loads(json.dumps(value, default=json_default, allow_nan=False))
        except (TypeError, ValueError):
            continue
    return found


def _watchers() -> frozenset[threading.Thread]:
    """ipykernel's threads that read what child processes write to the file descriptors 1 and 2."""
    return frozenset(filter(None, (getattr(stream, "watch_fd_thread", None) for stream in (sys.stdout, sys.stderr))))
