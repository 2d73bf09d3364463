"""Everything that one block shows, as nbformat v4 outputs, bounded: for the live kernel and for kernels elsewhere.

Of a long text the first and the last half of the limit stay, and what lay between is counted: the beginning shows what
ran, the end how it ended. What is too much is left out and said, never silently.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import MutableSequence
from typing import Any

from .output_text import LIMIT, left_out

MAX_DISPLAYS = 200
"""How many displays one block may leave in a notebook."""

MAX_SWITCHES = 2_000
"""How often a block may change between stdout and stderr; after that its text stays in one of them."""


class BlockOutputs:
    """The outputs of one block, while it runs.

    No locks: in the live kernel an interrupt may strike between any two lines of agent code, and that includes these,
    called by `print`.

    Args:
        text_limit: characters of text that are kept.
        rich_limit: characters of displays (a picture is base64) that are kept; None for any.

    Attributes:
        failed: an error was shown.
    """

    def __init__(self, text_limit: int = LIMIT, rich_limit: int | None = None) -> None:
        self.failed = False
        self._half = text_limit // 2
        self._rich_limit = rich_limit
        self._first: list[dict[str, Any]] = []
        self._last: deque[dict[str, Any]] = deque()
        self._first_size = self._last_size = self._dropped = self._rich_size = 0
        self._displays = self._switches = 0
        self._clear_pending = False

    def write(self, name: str, text: str) -> None:
        """Text to "stdout" or "stderr"."""
        self._clear_if_pending()
        room = self._half - self._first_size
        if room > 0 and text:
            self._first_size += len(text[:room])
            self._add_text(self._first, name, text[:room])
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
            self._rich_size -= _size(output["data"])
            output["data"], output["metadata"] = self._within_limit(data), metadata or {}
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

    def outputs(self) -> list[dict[str, Any]]:
        """The outputs so far, text in one piece and without what only this class needs."""
        note = [{"output_type": "stream", "name": "stdout", "pieces": [left_out(self._dropped)]}]
        found: list[dict[str, Any]] = []
        for output in [*self._first, *(note if self._dropped else []), *self._last]:
            if output["output_type"] == "stream" and found and found[-1].get("name") == output["name"]:
                found[-1]["pieces"] += output["pieces"]
            elif output["output_type"] == "stream":
                found.append({**output, "pieces": [*output["pieces"]]})
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
        output: dict[str, Any] = {"output_type": kind, "data": self._within_limit(data), "metadata": metadata or {}}
        if kind == "execute_result":
            output["execution_count"] = None
        self._append(output | ({"id": display_id} if display_id else {}))

    def _within_limit(self, data: dict[str, Any]) -> dict[str, Any]:
        """`data`, or where that would be too much what it was."""
        size = _size(data)
        if self._rich_limit is not None and self._rich_size + size > self._rich_limit:
            kinds = ", ".join(data)
            said = f"[{kinds} of {size:,} characters left out: a block may show {self._rich_limit:,} in all]"
            return {"text/plain": said}
        self._rich_size += size
        return data

    def _append(self, output: dict[str, Any]) -> None:
        self._clear_if_pending()
        (self._last if self._last or self._dropped else self._first).append(output)

    def _clear_if_pending(self) -> None:
        if self._clear_pending:
            self._clear_pending = False
            self._first.clear()
            self._last.clear()
            self._first_size = self._last_size = self._dropped = self._rich_size = 0

    def _add_text(self, outputs: MutableSequence[dict[str, Any]], name: str, text: str) -> None:
        last = outputs[-1] if outputs else {}
        if "pieces" in last and (last["name"] == name or self._switches > MAX_SWITCHES):
            last["pieces"].append(text)
        else:
            self._switches += 1
            outputs.append({"output_type": "stream", "name": name, "pieces": deque([text])})

    def _keep_last(self, name: str, text: str) -> None:
        """Append text, and drop the oldest behind the first half so that no more than a half is kept."""
        self._dropped += max(0, len(text) - self._half)
        text = text[-self._half :]
        self._add_text(self._last, name, text)
        self._last_size += len(text)
        while self._last_size > self._half:
            oldest = self._last[0]
            if "pieces" not in oldest:
                self._first.append(self._last.popleft())
                continue
            piece = oldest["pieces"].popleft()
            spare = self._last_size - self._half
            self._last_size -= len(piece[:spare])
            self._dropped += len(piece[:spare])
            if piece[spare:]:
                oldest["pieces"].appendleft(piece[spare:])
            elif not oldest["pieces"]:
                self._last.popleft()


def _size(data: dict[str, Any]) -> int:
    return sum(len(value) if isinstance(value, str) else len(json.dumps(value)) for value in data.values())
