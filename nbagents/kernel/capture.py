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
from collections import deque
from contextvars import ContextVar
from typing import Any

from jupyter_client.jsonutil import json_default

from .output_text import LIMIT, left_out

MAX_DISPLAYS = 200
"""How many displays one block may leave in a notebook."""

CAPTURE: ContextVar[Capture | None] = ContextVar("nbagents_capture", default=None)
"""Set in the context of a block."""


class Capture:
    """Everything that one block shows, as nbformat v4 outputs, bounded.

    No locks: an interrupt may strike between any two lines of agent code, and that includes these, called by `print`.
    """

    holder: Capture | None = None
    """Of the block that is on the main thread now."""

    def __init__(self) -> None:
        self.closed = False
        self.failed = False
        self._first: list[dict[str, Any]] = []
        self._last: deque[dict[str, Any]] = deque()
        self._first_size = self._last_size = self._dropped = 0
        self._displays = 0
        self._clear_pending = False
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

    # What a block may do ----------------------------------------------------------------------------------

    def write(self, name: str, text: str) -> None:
        """Text to "stdout" or "stderr"."""
        self._clear_if_pending()
        room = LIMIT // 2 - self._first_size
        if room > 0:
            self._first_size += len(text[:room])
            self._first.append({"output_type": "stream", "name": name, "text": text[:room]})
            text = text[room:]
        if text:
            self._keep_last(name, text)

    def publish(self, data: dict[str, Any], metadata: dict[str, Any] | None, transient: dict[str, Any] | None) -> None:
        """`display(...)`."""
        self._show("display_data", data, metadata, (transient or {}).get("display_id"))

    def update(self, data: dict[str, Any], metadata: dict[str, Any] | None, transient: dict[str, Any] | None) -> bool:
        """`update_display(...)`; False when the display is none of this block's."""
        display_id = (transient or {}).get("display_id")
        shown = [output for output in [*self._first, *self._last] if display_id and output.get("id") == display_id]
        for output in shown:
            output["data"], output["metadata"] = as_json(data), as_json(metadata or {})
        return bool(shown)

    def clear(self, wait: bool) -> None:
        """`clear_output()`."""
        self._clear_pending = True
        if not wait:
            self._clear_if_pending()

    def result(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """The value of the last expression. It has no number: In and Out are the user's."""
        self._show("execute_result", data, metadata, None)

    def error(self, name: str, value: str, traceback: list[str]) -> None:
        """An exception that ended the block, or that a magic shows without raising it."""
        self.failed = True
        self._append({"output_type": "error", "ename": name, "evalue": value, "traceback": traceback})

    # What became of it ------------------------------------------------------------------------------------

    def outputs(self) -> list[dict[str, Any]]:
        """The outputs so far, text in one piece and without what only the capture needs."""
        note = [{"output_type": "stream", "name": "stdout", "text": left_out(self._dropped)}] if self._dropped else []
        found: list[dict[str, Any]] = []
        for output in [*self._first, *note, *self._last]:
            if output["output_type"] == "stream" and found and found[-1].get("name") == output["name"]:
                found[-1]["pieces"].append(output["text"])
            elif output["output_type"] == "stream":
                found.append({"output_type": "stream", "name": output["name"], "pieces": [output["text"]]})
            else:
                found.append({key: value for key, value in output.items() if key != "id"})
        for output in found:
            if "pieces" in output:
                output["text"] = "".join(output.pop("pieces"))
        return found

    def _show(self, kind: str, data: dict[str, Any], metadata: dict[str, Any] | None, display_id: str | None) -> None:
        self._displays += 1
        if self._displays == MAX_DISPLAYS + 1:
            self.write("stderr", f"[more than {MAX_DISPLAYS} displays: the rest is left out]\n")
        if self._displays > MAX_DISPLAYS:
            return
        output: dict[str, Any] = {"output_type": kind, "data": as_json(data), "metadata": as_json(metadata or {})}
        if kind == "execute_result":
            output["execution_count"] = None
        self._append(output | ({"id": display_id} if display_id else {}))

    def _append(self, output: dict[str, Any]) -> None:
        self._clear_if_pending()
        (self._last if self._last or self._dropped else self._first).append(output)

    def _clear_if_pending(self) -> None:
        if self._clear_pending:
            self._clear_pending = False
            self._first.clear()
            self._last.clear()
            self._first_size = self._last_size = self._dropped = 0

    def _keep_last(self, name: str, text: str) -> None:
        """Append text, and drop the oldest behind the first half so that no more than a half is kept."""
        half = LIMIT // 2
        self._dropped += max(0, len(text) - half)
        self._last.append({"output_type": "stream", "name": name, "text": text[-half:]})
        self._last_size += len(text[-half:])
        while self._last_size > half:
            oldest = self._last.popleft()
            if oldest["output_type"] != "stream":
                self._first.append(oldest)
                continue
            spare = self._last_size - half
            self._last_size -= len(oldest["text"][:spare])
            self._dropped += len(oldest["text"][:spare])
            if oldest["text"][spare:]:
                self._last.appendleft(oldest | {"text": oldest["text"][spare:]})


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
