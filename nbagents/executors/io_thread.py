"""The one thread on which other kernels are talked to: their sockets, their deadlines, their deaths.

A notebook's own event loop stands still while a cell computes. A sandbox must not: its output has to be taken off its
sockets and bounded as it comes, its timeouts have to fire, and its end has to be noticed. So all that lives on a loop
of its own, and a run awaits it from wherever it is.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any, TypeVar

T = TypeVar("T")

_starting = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def io_loop() -> asyncio.AbstractEventLoop:
    """The loop of the thread, which begins with the first who asks."""
    global _loop
    with _starting:
        if _loop is None:
            _loop = asyncio.SelectorEventLoop()  # ZeroMQ needs its add_reader, on every system
            threading.Thread(target=_loop.run_forever, name="nbagents I/O", daemon=True).start()
        return _loop


async def on_io_thread(coroutine: Coroutine[Any, Any, T]) -> T:
    """Await `coroutine` on the I/O thread; cancelling the caller cancels it, and waits until it has ended."""
    loop = io_loop()
    if asyncio.get_running_loop() is loop:
        return await coroutine
    result: Future[T] = Future()
    tasks: list[asyncio.Task[T]] = []
    context = copy_context()

    def begin() -> None:
        task = loop.create_task(coroutine, context=context)
        tasks.append(task)
        task.add_done_callback(lambda ended: _hand_over(ended, result))

    loop.call_soon_threadsafe(begin)
    waiting, cancelled = asyncio.wrap_future(result), False
    while not waiting.done():
        try:
            await asyncio.wait([waiting])
        except asyncio.CancelledError:
            if not cancelled:  # once: it may be cleaning up, and that must not be cancelled as well
                loop.call_soon_threadsafe(lambda: tasks[0].cancel())
            cancelled = True
    if cancelled:
        if not waiting.cancelled():
            waiting.exception()  # looked at; the cancellation says more
        raise asyncio.CancelledError
    return waiting.result()


def _hand_over(task: asyncio.Task[T], result: Future[T]) -> None:
    if task.cancelled():
        result.cancel()
    elif error := task.exception():
        result.set_exception(error)
    else:
        result.set_result(task.result())
