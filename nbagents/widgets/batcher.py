"""Sends what changed on a run's screen every 50 ms, numbered.

Jupyter's server drops what exceeds a thousand messages a second, and says nothing; a number that is missing tells
the browser to ask for everything anew. So that the last one is missed too, its number is said once more when it has
become quiet. What changes twice between two sendings is rendered once.

Its timers run on the I/O thread, so that what arrives while a cell computes is shown while it computes. ipykernel sends
from any thread: a message is packed where it is sent, and handed to the thread that owns the socket.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

Op = dict[str, Any]
"""One change: {"op": "put" | "text" | "drop" | "status" | "question", ...}; see `screen`."""

INTERVAL = 0.05
QUIET = 2.0


class Timer(Protocol):
    """A call that will be made later."""

    def cancel(self) -> None:
        """Do not make it."""


class Batcher:
    """The one sender of a run's screen. What it does may be asked for in any thread, and is sent in order.

    Args:
        collect: renders what changed since its last call.
        send: takes one message to the browser.
        later: makes a call in so many seconds, on a thread that no cell keeps busy.
    """

    def __init__(
        self,
        collect: Callable[[], list[Op]],
        send: Callable[[dict[str, Any]], None],
        later: Callable[[float, Callable[[], None]], Timer],
    ) -> None:
        self.seq = 0
        """The number of the last delta that was sent."""
        self.lock = threading.RLock()
        """Held while changes are collected and sent; whoever makes changes holds it too."""
        self._collect = collect
        self._send = send
        self._later = later
        self._timer: Timer | None = None
        self._echo: Timer | None = None

    def poke(self) -> None:
        """Something changed: send it with the next delta."""
        with self.lock:
            if self._timer is None:
                self._timer = self._later(INTERVAL, self.flush)

    def flush(self) -> None:
        """Send now what changed."""
        with self.lock:
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
        with self.lock:
            self.flush()
            if self._echo is not None:
                self._say_again()

    def _say_again_later(self) -> None:
        if self._echo is not None:
            self._echo.cancel()
        self._echo = self._later(QUIET, self._say_again)

    def _say_again(self) -> None:
        with self.lock:
            if self._echo is not None:
                self._echo.cancel()
                self._echo = None
            self._send({"t": "seq", "seq": self.seq})
