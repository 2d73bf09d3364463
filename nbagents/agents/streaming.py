"""Turns a coroutine that emits into an async generator that owns it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, TypeVar

from ..cancellation import CancellationToken

T = TypeVar("T")

Emit = Callable[[Any], None]


async def owned(work: Awaitable[T], token: CancellationToken | None) -> T:
    """Await `work` as a task that ends with the token or with whoever awaits this."""
    task = asyncio.ensure_future(work)
    if token is not None:
        token.link_future(task)
    return await task


async def emitted(
    work: Callable[[Emit], Awaitable[T]], token: CancellationToken | None
) -> AsyncGenerator[Any | T, None]:
    """Yield what `work` emits, then what it returns; leaving the generator early ends the work.

    The work runs in a task of its own, with the context of this call: an async generator's body would
    otherwise run in the context of whoever asks for its next item.
    """
    queue: asyncio.Queue[Any] = asyncio.Queue()
    done = object()
    task = asyncio.ensure_future(work(queue.put_nowait))
    task.add_done_callback(lambda _: queue.put_nowait(done))
    if token is not None:
        token.link_future(task)
    try:
        while (item := await queue.get()) is not done:
            yield item
        yield await task
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
