"""The interrupt button, and our Stop, reach a run.

A signal alone does not wake the kernel's event loop: with tornado 6 ipykernel's handler schedules the cancellation
of an awaiting cell without waking the selector, so ■ does nothing until something else happens. `ticking` makes
something happen twenty times a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .block_guard import BlockGuard

TICK_SECONDS = 0.05


@asynccontextmanager
async def ticking() -> AsyncIterator[None]:
    """While a cell awaits within it, Kernel > Interrupt takes effect at once."""
    ticker = asyncio.get_running_loop().create_task(_tick(), name="nbagents ticker")
    try:
        yield
    finally:
        ticker.cancel()
        await asyncio.wait([ticker])


async def _tick() -> None:
    while True:  # noqa: ASYNC110 (to wake the loop is the purpose)
        await asyncio.sleep(TICK_SECONDS)


def executing() -> bool:
    """True while agent code holds the main thread."""
    guard = BlockGuard.current
    return guard is not None and guard.executing


def interrupt_main_thread() -> None:
    """Interrupt the agent code that is on the main thread until it ends; for our Stop, from any thread.

    It is safe at any time: without agent code it does nothing, and a signal that comes just after the code ended hits
    neither the loop nor a cell.
    """
    guard = BlockGuard.current
    if guard is not None:
        guard.stop()
