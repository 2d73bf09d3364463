"""A start that takes a while and cannot be stopped: in a thread, which throws away what nobody waits for any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def launched(make: Callable[[], T], discard: Callable[[T], object]) -> T:
    """What `make` returns, called in a thread of its own.

    If this is cancelled, `discard` is called with it as soon as it is there, in that thread: the loop may have ended by
    then, as the executor of its threads.
    """
    made: Future[T] = Future()
    made.set_running_or_notify_cancel()  # so that nobody can cancel it, as the end of `asyncio.run` does with tasks

    def run() -> None:
        try:
            made.set_result(make())
        except BaseException as error:
            made.set_exception(error)

    threading.Thread(target=run, name="nbagents-launch", daemon=True).start()
    try:
        return await asyncio.shield(asyncio.wrap_future(made))
    except asyncio.CancelledError:
        made.add_done_callback(lambda done: None if done.exception() else discard(done.result()))
        raise
