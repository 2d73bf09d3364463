"""While agent code is on the main thread, a signal wakes it even from a sleep that began a moment too late.

Python only notes a signal when it comes; its handler runs when the main thread looks next. A signal that comes between
that look and the system call in which the thread then sleeps wakes nobody: `time.sleep(60)` is slept to its end. Of
signals sent just as a sleep begins, 3 in 100 were lost like that; so are those that the system gives to another thread.
But each is also written to a file descriptor (``signal.set_wakeup_fd``). The I/O thread reads it there, and sends the
main thread a signal that does nothing but end its system call.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..io_thread import io_loop

NUDGES = (0.02, 0.1, 0.3)
"""Seconds after a signal at which a main thread that may have slept through it is nudged."""
NUDGE = getattr(signal, "SIGURG", None)
"""Ignored unless there is a handler for it, so that one which comes too late does no harm."""
_WATCHED = frozenset({signal.SIGINT, getattr(signal, "SIGALRM", signal.SIGINT)})


@contextmanager
def woken_by_signals() -> Iterator[None]:
    """On the main thread; on systems without POSIX signals this does nothing."""
    if NUDGE is None or signal.getsignal(NUDGE) not in (signal.SIG_DFL, signal.SIG_IGN, _nothing):
        yield
        return
    line = _Line.of_process()
    replaced = signal.signal(NUDGE, _nothing)
    before = signal.set_wakeup_fd(line.number, warn_on_full_buffer=False)
    if before != line.number:
        line.passes_on_to = before
    try:
        yield
    finally:
        now = signal.set_wakeup_fd(before)
        if now != line.number:  # the code has set one of its own
            signal.set_wakeup_fd(now)
        signal.signal(NUDGE, replaced)


def _nothing(signum: int, frame: FrameType | None) -> None:
    """That it was handled is all: the main thread is awake, and has run the handlers of what came before."""


class _Line:
    """From the signals' file descriptor to the I/O thread; one per process, for good."""

    _only: _Line | None = None

    @classmethod
    def of_process(cls) -> _Line:
        if cls._only is None:
            cls._only = cls()
        return cls._only

    def __init__(self) -> None:
        self._incoming, self._outgoing = socket.socketpair()
        self._incoming.setblocking(False)
        self._outgoing.setblocking(False)
        self.number = self._outgoing.fileno()
        self.passes_on_to = -1
        """Whose turn it was before: an event loop with signal handlers is woken as well."""
        self._loop = io_loop()
        self._loop.call_soon_threadsafe(self._loop.add_reader, self._incoming, self._signalled)

    def _signalled(self) -> None:
        numbers = self._incoming.recv(4096)
        if self.passes_on_to != -1:
            with contextlib.suppress(OSError):  # closed, or full: then it is awake
                os.write(self.passes_on_to, numbers)
        if _WATCHED.intersection(numbers):
            for seconds in NUDGES:
                self._loop.call_later(seconds, _nudge)


def _forget() -> None:
    """In a forked child: the thread that listens is the parent's."""
    _Line._only = None


def _nudge() -> None:
    assert NUDGE is not None
    signal.pthread_kill(threading.main_thread().ident or 0, NUDGE)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
