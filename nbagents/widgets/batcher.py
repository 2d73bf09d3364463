"""Sends what changed on a run's screen every 50 ms, numbered.

Jupyter's server drops what exceeds a thousand messages a second, and says nothing; a number that is missing tells
the browser to ask for everything anew. So that the last one is missed too, its number is said once more when it has
become quiet. What changes twice between two sendings is rendered once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

Op = dict[str, Any]
"""One change: {"op": "put" | "text" | "drop" | "status" | "question", ...}; see `screen`."""

INTERVAL = 0.05
QUIET = 2.0


class Batcher:
    """The one sender of a run's screen; used on the run's loop only.

    Args:
        collect: renders what changed since its last call.
        send: takes one message to the browser.
        loop: whose timer is used.
    """

    def __init__(
        self,
        collect: Callable[[], list[Op]],
        send: Callable[[dict[str, Any]], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.seq = 0
        """The number of the last delta that was sent."""
        self._collect = collect
        self._send = send
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._echo: asyncio.TimerHandle | None = None

    def poke(self) -> None:
        """Something changed: send it with the next delta."""
        if self._timer is None:
            self._timer = self._loop.call_later(INTERVAL, self.flush)

    def flush(self) -> None:
        """Send now what changed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ops = self._collect()
        if ops:
            self.seq += 1
            self._send({"t": "delta", "seq": self.seq, "ops": ops})
            self._say_again_later()

    def close(self) -> None:
        """Send what changed and the last number; no timer is left."""
        self.flush()
        if self._echo is not None:
            self._say_again()

    def _say_again_later(self) -> None:
        if self._echo is not None:
            self._echo.cancel()
        self._echo = self._loop.call_later(QUIET, self._say_again)

    def _say_again(self) -> None:
        if self._echo is not None:
            self._echo.cancel()
            self._echo = None
        self._send({"t": "seq", "seq": self.seq})
