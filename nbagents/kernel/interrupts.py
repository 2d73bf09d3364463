"""The interrupt button, and our Stop, reach a run.

A signal alone does not wake the kernel's event loop: with tornado 6 ipykernel's handler schedules the cancellation
of an awaiting cell without waking the selector, so ■ does nothing until something else happens. `ticking` makes
something happen twenty times a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..runtime import Gate
from .block_guard import BlockGuard

TICK_SECONDS = 0.05
ROUNDS_TO_A_BLOCK = 20
"""Rounds of the event loop that a cell's cancellation may take from the signal, through runs and teams, to a block."""


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


async def let_interrupts_arrive() -> None:
    """Before a block's first line: a cell that was interrupted just now has not told its blocks yet.

    Its cancellation takes some rounds of the event loop, and the block would hold that from its first line on.
    """
    for _ in range(ROUNDS_TO_A_BLOCK):
        await asyncio.sleep(0)


def executing() -> bool:
    """True while agent code holds the main thread."""
    guard = _on_main_thread()
    return guard is not None and guard.executing


def interrupt_main_thread(gate: Gate | None = None) -> None:
    """Interrupt the agent code that is on the main thread until it ends; for our Stop, from any thread.

    It is safe at any time: without agent code it does nothing, and a signal that comes just after the code ended hits
    neither the loop nor a cell.

    Args:
        gate: of the run whose code is meant, with that of the runs in it; None for any.
    """
    guard = _on_main_thread()
    if guard is not None and gate is not None:
        guard = next((each for each in guard.and_outer() if each.gate is gate), None)
    if guard is not None:
        guard.stop()


def _on_main_thread() -> BlockGuard | None:
    """Of the block whose code is on the main thread; else of the latest."""
    alive = list(BlockGuard.alive)
    return next((guard for guard in reversed(alive) if guard.executing), alive[-1] if alive else None)
