"""`CancellationToken`: one object that ends everything it was handed to.

Name and methods are AutoGen's (``autogen_core.CancellationToken``).
"""

from __future__ import annotations

import threading
from asyncio import Future
from collections.abc import Callable
from typing import Any


class CancellationToken:
    """Cancels all futures and callbacks linked to it, once; may be called from any thread."""

    def __init__(self) -> None:
        self._cancelled = False
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    def cancel(self) -> None:
        """Cancel everything linked now or later. A second call does nothing."""
        with self._lock:
            if self._cancelled:
                return
            self._cancelled = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def is_cancelled(self) -> bool:
        """True once `cancel` was called."""
        return self._cancelled

    def add_callback(self, callback: Callable[[], None]) -> None:
        """Call `callback` at the cancellation; at once if that has been."""
        with self._lock:
            if not self._cancelled:
                self._callbacks.append(callback)
                return
        callback()

    def link_future(self, future: Future[Any]) -> Future[Any]:
        """Cancel `future` (or task) with this token, on its own loop; returns it."""
        loop = future.get_loop()

        def cancel() -> None:
            if not future.done():
                loop.call_soon_threadsafe(future.cancel)

        self.add_callback(cancel)
        future.add_done_callback(lambda _: self._forget(cancel))
        return future

    def _forget(self, callback: Callable[[], None]) -> None:
        with self._lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)
