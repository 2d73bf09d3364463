"""A run can be held: what is paused starts no effect and says nothing until it is resumed.

Every team has a `Hold`, and a run within a run is under the holds of all runs around it. The holds travel with
the context, so that pausing one team leaves its neighbours alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Hold:
    """Closed by `close`, as often as by different reasons, and open again after as many `open`s."""

    def __init__(self) -> None:
        self._reasons = 0
        self._opened: asyncio.Event | None = None

    @property
    def closed(self) -> bool:
        """True while what is under it has to wait."""
        return self._reasons > 0

    def close(self) -> None:
        """Hold what is under it."""
        if not self._reasons:
            self._opened = asyncio.Event()
        self._reasons += 1

    def open(self) -> None:
        """Take back one `close`; the last one lets everything go on."""
        self._reasons = max(0, self._reasons - 1)
        if not self._reasons and self._opened is not None:
            self._opened.set()
            self._opened = None

    async def passed(self) -> None:
        """Wait until it is open."""
        while self._opened is not None:
            await self._opened.wait()


_HOLDS: ContextVar[tuple[Hold, ...]] = ContextVar("nbagents_holds", default=())


@contextmanager
def under(hold: Hold) -> Iterator[bool]:
    """Put the code within, and the tasks that it starts, under `hold`; True when a run goes on around it."""
    around = _HOLDS.get()
    token = _HOLDS.set((*around, hold))
    try:
        yield bool(around)
    finally:
        _HOLDS.reset(token)


async def let_through() -> None:
    """Wait until no run around this code is held."""
    while any(hold.closed for hold in _HOLDS.get()):
        for hold in _HOLDS.get():
            await hold.passed()
