"""A start that takes a while and cannot be stopped: in a thread, which throws away what nobody waits for any more.

Nor can it be told apart from one that will never end, where a server hangs in the middle of it. So it is waited for as
long as whoever it depends on answers when asked, and no limit need be long enough for the slowest machine.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

LOOK_SECONDS = 1.0
"""How often it is asked whether a start can still come to an end; most have by then."""


async def launched(
    make: Callable[[], T], discard: Callable[[T], object], check: Callable[[], object] = lambda: None
) -> T:
    """What `make` returns, called in a thread of its own.

    If this is cancelled, or `check` raises, `discard` is called with it as soon as it is there, in that thread: the
    loop may have ended by then, as the executor of its threads.

    Args:
        make: makes it.
        discard: throws it away.
        check: called in a thread from time to time; raises where it is of no use to wait.
    """
    made: Future[T] = Future()
    made.set_running_or_notify_cancel()  # so that nobody can cancel it, as the end of `asyncio.run` does with tasks

    def run() -> None:
        try:
            made.set_result(make())
        except BaseException as error:
            made.set_exception(error)

    threading.Thread(target=run, name="nbagents-launch", daemon=True).start()
    future = asyncio.wrap_future(made)
    try:
        while not (await asyncio.wait([future], timeout=LOOK_SECONDS))[0]:
            await _checked(check, future)
    except BaseException:
        future.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody asks for it: do not log it
        made.add_done_callback(lambda done: None if done.exception() else discard(done.result()))
        raise
    return future.result()


async def _checked(check: Callable[[], object], future: asyncio.Future[T]) -> None:
    """Raise what `check` does, unless the future is done meanwhile."""
    checking = asyncio.ensure_future(asyncio.to_thread(check))
    try:
        either: set[asyncio.Future[Any]] = {future, checking}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not future.done():
            checking.result()
    finally:
        checking.add_done_callback(lambda done: done.cancelled() or done.exception())
