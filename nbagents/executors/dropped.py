"""What an executor that is dropped without `stop` still has: it is ended on the I/O thread, with a `ResourceWarning`.

The collector runs in any thread and between any two lines, also of one that holds a lock, and to end a container takes
locks, connections and seconds. So nothing is done there but to leave a note for a loop, which needs none of them.
At the end of the process there is nothing to do: a container dies with it.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Callable, Coroutine
from typing import Any
from weakref import finalize as Finalizer

from ..io_thread import io_loop
from .own_process import finalize

_log = logging.getLogger(__name__)
_ending: set[asyncio.Task[object]] = set()


def end_when_dropped(
    owner: object, end: Callable[[], Coroutine[Any, Any, object]], said: Callable[[], str]
) -> Finalizer[Any, Any]:
    """Await `end` on the I/O thread when nobody has `owner` any more.

    Args:
        owner: what is watched; neither of the others may refer to it.
        end: ends what is left, if anything is.
        said: what to warn of; "" where nothing is left.
    """
    loop = io_loop()  # begun now: a thread cannot be started in the collector

    def dropped() -> None:
        words = said()
        if not loop.is_closed():
            loop.call_soon_threadsafe(_begin, loop, end)
        if words:
            warnings.warn(words, ResourceWarning, stacklevel=2)

    finalizer = finalize(owner, dropped)
    finalizer.atexit = False
    return finalizer


def _begin(loop: asyncio.AbstractEventLoop, end: Callable[[], Coroutine[Any, Any, object]]) -> None:
    task = loop.create_task(end(), name="nbagents: what was dropped")
    _ending.add(task)
    task.add_done_callback(_ended)


def _ended(task: asyncio.Task[object]) -> None:
    _ending.discard(task)
    if not task.cancelled() and task.exception() is not None:
        _log.warning("what a dropped executor had could not be ended: %s", task.exception())
