"""`CancellationToken`: one object that ends everything it was handed to.

Name and methods are AutoGen's (``autogen_core.CancellationToken``).
"""

from __future__ import annotations

import asyncio
import threading
from asyncio import Future
from collections.abc import Callable
from typing import Any


class CancellationToken:
    """Cancels all futures and callbacks linked to it, once; may be called from any thread."""

    def __init__(self) -> None:
        self._cancelled = False
        self._lock = threading.Lock()
        # By a key of its own each: the same function may be added twice, and is found at once to be forgotten.
        self._callbacks: dict[object, Callable[[], None]] = {}

    def cancel(self) -> None:
        """Cancel everything linked now or later. A second call does nothing.

        Raises:
            Exception: what a callback raised, the first, when all have been called.
        """
        with self._lock:
            if self._cancelled:
                return
            self._cancelled = True
            callbacks, self._callbacks = self._callbacks, {}
        failures: list[Exception] = []
        for callback in callbacks.values():
            try:
                callback()
            except Exception as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def is_cancelled(self) -> bool:
        """True once `cancel` was called."""
        return self._cancelled

    def add_callback(self, callback: Callable[[], None]) -> None:
        """Call `callback` at the cancellation; at once if that has been."""
        self._add(object(), callback)

    def link_future(self, future: Future[Any]) -> Future[Any]:
        """Cancel `future` (or task) with this token: at once on its own loop, through it from elsewhere. Returns it."""
        key = object()
        self._add(key, lambda: _cancel(future))
        future.add_done_callback(lambda _: self._forget(key))
        return future

    def _add(self, key: object, callback: Callable[[], None]) -> None:
        with self._lock:
            if not self._cancelled:
                self._callbacks[key] = callback
                return
        callback()

    def _forget(self, key: object) -> None:
        with self._lock:
            self._callbacks.pop(key, None)


def _cancel(future: Future[Any]) -> None:
    loop = future.get_loop()
    if future.done() or loop.is_closed():
        return
    try:
        here = asyncio.get_running_loop()
    except RuntimeError:
        here = None
    if here is loop:
        future.cancel()
    else:
        loop.call_soon_threadsafe(future.cancel)
