"""The I/O thread: one per process, with an event loop of its own, for what must not wait for a busy cell.

A cell that computes holds the kernel's loop; a stream that is read on that loop stands still meanwhile, and a server
may lose patience. So clients that talk to a server do it here, and the screen is refreshed from here. Everything else
(agents, tools, live code, the journal) stays on the loop of whoever runs it: there are no locks in user space.

The thread begins at the first use, outlives any number of `asyncio.run`s, and ends with the process. A forked child has
its own.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")

ENDS_WITHIN = 1.0
"""Seconds that a cancelled piece of work is waited for: to close a connection takes a moment, and no more."""


async def performed_there(
    work: Callable[[], Awaitable[T]], context: Context | None = None, *, ends_within: float | None = ENDS_WITHIN
) -> T:
    """Await `work()` on the I/O thread; it ends with whoever awaits this.

    Args:
        work: what to await.
        context: with these context variables; None for those of this call.
        ends_within: seconds to wait for its end when this is cancelled; None for as long as it takes.
    """
    remote = _Remote(work, context)
    try:
        value: T = await remote.result
        return value
    finally:
        await remote.ended(ends_within)


async def streamed_there(
    work: Callable[[], AsyncGenerator[T, None]],
    heard: Callable[[T], None] | None = None,
    context: Context | None = None,
) -> AsyncGenerator[T, None]:
    """Yield what `work()` yields on the I/O thread; leaving this early, or cancelling it, closes the generator there.

    Args:
        work: makes the generator.
        heard: called on the I/O thread with each item as it comes, before this can yield it.
        context: with these context variables; None for those of this call.
    """
    pipe = _Pipe[T]()

    async def pump() -> None:
        async with aclosing(work()) as items:
            async for item in items:
                if heard is not None:
                    heard(item)
                pipe.put(item)

    remote = _Remote(pump, context)
    remote.result.add_done_callback(lambda _: pipe.close())
    try:
        async for item in pipe.items():
            yield item
        await remote.result
    finally:
        await remote.ended()


def io_loop() -> asyncio.AbstractEventLoop:
    """The loop of the I/O thread, for ``asyncio.run_coroutine_threadsafe`` where no loop runs."""
    return _thread().loop


class Timer:
    """A call that the I/O thread will make later."""

    def __init__(self, seconds: float, call: Callable[[], None]) -> None:
        self._call, self._cancelled = call, False
        self._handle: asyncio.TimerHandle | None = None
        self._loop = _thread().loop
        _soon(self._loop, self._arm, seconds)

    def cancel(self) -> None:
        """Do not call, unless it has begun; from any thread."""
        self._cancelled = True
        _soon(self._loop, self._disarm)

    def _arm(self, seconds: float) -> None:
        if not self._cancelled:
            self._handle = self._loop.call_later(seconds, self._fire)

    def _disarm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()

    def _fire(self) -> None:
        if not self._cancelled:
            self._call()


def call_later(seconds: float, call: Callable[[], None]) -> Timer:
    """Call `call` on the I/O thread in so many seconds; from any thread."""
    return Timer(seconds, call)


class _Remote:
    """A task on the I/O thread, seen from the loop that waits for it."""

    def __init__(self, work: Callable[[], Awaitable[Any]], context: Context | None) -> None:
        self._here, self._there = asyncio.get_running_loop(), _thread().loop
        self.result: asyncio.Future[Any] = self._here.create_future()
        self._over = asyncio.Event()
        self._task: asyncio.Task[Any] | None = None
        self._there.call_soon_threadsafe(self._start, work, context=context)

    async def ended(self, within: float | None = ENDS_WITHIN) -> None:
        """End the task if it has not ended, and wait until it has, so many seconds at most."""
        if not self.result.cancel() and not self.result.cancelled():
            self.result.exception()  # whoever left early does not ask for it: it is not to be logged, with its secrets
        if not self._over.is_set():
            _soon(self._there, self._cancel)
            while within is None and not self._over.is_set():
                with suppress(asyncio.CancelledError):  # which has been said: now its end is waited for
                    await self._over.wait()
            with suppress(TimeoutError):  # it is closing down still, on its own thread: nobody here need wait longer
                await asyncio.wait_for(self._over.wait(), within)

    def _start(self, work: Callable[[], Awaitable[Any]]) -> None:
        self._task = self._there.create_task(_outcome(work))
        self._task.add_done_callback(self._done)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _done(self, task: asyncio.Task[Any]) -> None:
        error, value = (asyncio.CancelledError(), None) if task.cancelled() else task.result()
        _soon(self._here, self._hand_over, error, value)

    def _hand_over(self, error: BaseException | None, value: Any) -> None:
        self._over.set()
        if self.result.done():  # whoever waited was cancelled
            return
        if isinstance(error, asyncio.CancelledError):
            self.result.cancel()
        elif error is not None:
            self.result.set_exception(error)
        else:
            self.result.set_result(value)


async def _outcome(work: Callable[[], Awaitable[Any]]) -> tuple[BaseException | None, Any]:
    """What it raised or returned. A loop ends with a task that raises SystemExit, and this loop serves others too."""
    try:
        return None, await work()
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        return error, None


class _Pipe(deque[T]):
    """Items on their way from the I/O thread to the loop that made this: it is woken once for all that wait."""

    def __init__(self) -> None:
        super().__init__()
        self._here = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._waking = self._closed = False

    def put(self, item: T) -> None:
        """Send one item; on the I/O thread."""
        self.append(item)
        if not self._waking:
            self._waking = True
            _soon(self._here, self._woken.set)

    def close(self) -> None:
        """There will be no more; on the loop that receives."""
        self._closed = True
        self._woken.set()

    async def items(self) -> AsyncGenerator[T, None]:
        """What was sent, in order, until it is closed."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            self._waking = False  # before looking: what is sent from now on wakes again
            while self:
                yield self.popleft()
            if self._closed:
                return


class _IOThread:
    """The thread and its loop."""

    def __init__(self) -> None:
        self.loop = asyncio.SelectorEventLoop()  # ZeroMQ needs its add_reader, on every system
        self._thread = threading.Thread(target=self._run, name="nbagents-io", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            _wind_up(self.loop)

    def stop(self) -> None:
        """End everything on it; at the end of the process."""
        _soon(self.loop, self.loop.stop)
        self._thread.join(ENDS_WITHIN * 2)


def _wind_up(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what is left, so that connections are closed and nothing is said of tasks that were destroyed."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=ENDS_WITHIN))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[..., Any], *arguments: Any) -> None:
    """Have a loop call something, from any thread; a loop that was closed has nobody left who would want it."""
    try:
        loop.call_soon_threadsafe(call, *arguments)
    except RuntimeError:
        if not loop.is_closed():
            raise


_lock = threading.Lock()
_only: _IOThread | None = None


def _thread() -> _IOThread:
    """The one of this process."""
    return _only if _only is not None else _begun()


def _begun() -> _IOThread:
    global _only
    with _lock:
        if _only is None:  # another thread may have been first
            _only = _IOThread()
        return _only


def _stop() -> None:
    if _only is not None:
        _only.stop()


def _forget() -> None:
    """In a forked child: the thread is the parent's."""
    global _lock, _only
    _lock, _only = threading.Lock(), None


atexit.register(_stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
