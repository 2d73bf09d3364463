"""`BlockGuard`: a block of agent code can be interrupted at any time, and nothing else is hit by it.

Python runs a signal's handler on the main thread, between any two instructions: in the block, in us, in the event
loop. So the handler looks where it struck. Below `_agent_code` on the stack: the block's code, which gets a
KeyboardInterrupt. In another task that the block started: a CancelledError, since a KeyboardInterrupt out of a task
ends the kernel's loop. Anywhere else: whoever had the signal before gets it, unless we sent it ourselves and came
too late. That is mostly the cell, whose cancellation takes some rounds of the event loop; if agent code holds the loop
before it arrives, the signal was for that code.
"""

from __future__ import annotations

import _thread
import asyncio
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any, TypeVar

from .alarm import new_alarm
from .capture import CAPTURE, Capture
from .insistence import insist
from .wakeup import woken_by_signals

T = TypeVar("T")

AGAIN_SECONDS = 0.3
"""A block that is stopped, or whose time is over, and that goes on regardless is interrupted again this often."""
LOST_SECONDS = 0.01
"""After this time an interrupt that was lost strikes again."""
PASSED_ON_SECONDS = 0.05
"""So often it is looked whether an interrupt that was meant for the cell has come too late for it,"""
PASSED_ON_TRIES = 10
"""and so many times."""
ROUNDS_TO_A_BLOCK = 20
"""Rounds of the event loop that a cell's cancellation may take from the signal, through runs and teams, to a block."""


class BlockTimeout(BaseException):
    """Raised in a block whose time is over. Not an Exception: a block's `except Exception` must not swallow it."""


def _agent_code(call: Callable[[], T]) -> T:
    """The mark on the stack: whatever runs below this frame is agent code."""
    return call()


class BlockGuard:
    """Guards one block, from its first line to its last; a context manager.

    Args:
        capture: the block's, by which its tasks are recognised.
        timeout: seconds that the block may take; None for any.

    Attributes:
        interrupted: a person, or our Stop, interrupted it.
        timed_out: its time was over.
        cancels: it cancelled the block's task, because the block was awaiting.
    """

    current: BlockGuard | None = None
    """The innermost guard whose block is in flight."""
    _lock = threading.RLock()

    def __init__(self, capture: Capture, timeout: float | None = None) -> None:
        self.interrupted = self.timed_out = self.cancels = self.executing = False
        self._capture: Capture | None = capture
        self._timeout = timeout
        self._alive = self._stopping = self._sent = self._ran = self._lost = False
        self._strikes = self._owed = 0
        self._struck: BaseException | None = None
        self._relent: Callable[[], None] | None = None
        self._ends_at = self._stopped_at = 0.0
        self._outer: BlockGuard | None = None
        self._previous: Any = None
        self._alarm = new_alarm(self._on_alarm)

    def __enter__(self) -> BlockGuard:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        with self._lock:
            self._outer, BlockGuard.current = BlockGuard.current, self
            self._alive = True
        self._replaced = self._install()
        self._ends_at = time.monotonic() + self._timeout if self._timeout else 0.0
        self._alarm.start(self._timeout or 0, AGAIN_SECONDS)
        if self._owed:  # by an interrupt that came before there was an alarm
            self._alarm.set(PASSED_ON_SECONDS, PASSED_ON_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._alive = False
            BlockGuard.current = self._outer
        self._alarm.cancel()
        self._previous = self._replaced
        # A cell that began meanwhile has put its own handler over ours and will put ours back: it then passes on.
        if signal.getsignal(signal.SIGINT) == self._on_sigint:
            signal.signal(signal.SIGINT, self._replaced)
        self._capture = self._struck = None

    def run(self, call: Callable[[], T]) -> T:
        """Run one uninterrupted stretch of the block's code on the main thread.

        Raises:
            KeyboardInterrupt: it was interrupted, if it lets that through.
            BlockTimeout: its time was over.
        """
        replaced, replaced_hook = self._install(), sys.unraisablehook
        sys.unraisablehook = partial(self._on_unraisable, replaced_hook)
        self.executing = True
        try:
            if self._stopping and not self._ran:  # stopped before there was anything to interrupt
                self.interrupted = True
                raise KeyboardInterrupt
            self._ran = True
            with woken_by_signals():
                value = _agent_code(call)
            if self._lost:  # in what ended before it could strike again
                self._lost = False
                self.interrupt_arrived()
                raise KeyboardInterrupt
            return value
        finally:
            self._let_go()
            self.executing = False
            sys.unraisablehook = replaced_hook
            signal.signal(signal.SIGINT, replaced)

    def stop(self) -> None:
        """Interrupt the block until it ends; from any thread, and at any time.

        The lock and the check of the handler make sure that the signal is ours to handle: whoever installs another
        handler lets ours handle first what is pending.
        """
        with self._lock:
            self._stopped_at = self._stopped_at or time.monotonic()
            self._stopping = True
            if not self._alive or signal.getsignal(signal.SIGINT) != self._on_sigint:
                return
            self._sent = True
            if hasattr(signal, "pthread_kill"):
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            else:
                _thread.interrupt_main(signal.SIGINT)

    async def let_interrupts_arrive(self) -> None:
        """Before the first stretch: a cell that was interrupted just now has not told its blocks yet.

        Its cancellation takes some rounds of the event loop, and the block would hold that from its first line on.
        """
        for _ in range(ROUNDS_TO_A_BLOCK):
            await asyncio.sleep(0)

    def interrupt_arrived(self) -> None:
        """The one that was passed on reached the block after all: what cleans up is not to be struck by it as well."""
        if self._owed:
            self._owed = 0
            self._alarm.set(*self._next_rings())

    def seconds_late(self) -> float:
        """How long ago the block was to end, by our Stop or by its timeout."""
        asked = [at for at in (self._stopped_at, self._ends_at) if at]
        return max(0.0, time.monotonic() - min(asked)) if asked else 0.0

    def _install(self) -> Any:
        replaced = signal.getsignal(signal.SIGINT)
        if replaced != self._on_sigint:
            self._previous = replaced
        signal.signal(signal.SIGINT, self._on_sigint)
        return replaced

    # Handlers: on the main thread, between any two instructions ---------------------------------------------

    def _on_sigint(self, signum: int, frame: FrameType | None) -> None:
        if self._alarm.claims():
            self._on_alarm(signum, frame)
            return
        with self._lock:
            ours, self._sent = self._sent, False
        if self._alive:
            if self._stopping:  # also when it does not strike: the code that it is meant for may be about to run
                self._alarm.set(AGAIN_SECONDS, AGAIN_SECONDS)
            self._strike(frame, KeyboardInterrupt)
            if not self._stopping and BlockGuard.current is self:
                # The cell's cancellation may come too late: agent code may be about to take the loop from it.
                self._owed = PASSED_ON_TRIES
                self._alarm.set(PASSED_ON_SECONDS, PASSED_ON_SECONDS)
        if not ours and callable(self._previous):
            self._previous(signum, frame)

    def _on_alarm(self, signum: int, frame: FrameType | None) -> None:
        if not self._alive:
            return
        if self._owed:
            self._owed -= 1
            if not self._owed:
                self._alarm.set(*self._next_rings())
            self._strike(frame, KeyboardInterrupt)
        elif self._stopping:
            self._strike(frame, KeyboardInterrupt)
        else:
            self._strike(frame, BlockTimeout)
            self.timed_out = True
            self._cancel_task()

    def _next_rings(self) -> tuple[float, float]:
        if self._stopping:
            return AGAIN_SECONDS, AGAIN_SECONDS
        return max(self._ends_at - time.monotonic(), 0.001) if self._ends_at else 0, AGAIN_SECONDS

    def _cancel_task(self) -> None:
        self.cancels = True
        if self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)

    def _strike(self, frame: FrameType | None, error: type[BaseException]) -> None:
        """Raise in the block's code, if that is what the signal interrupted; return if it is not."""
        below = _frames_below_mark(frame)
        child = not below and CAPTURE.get() is self._capture
        if not below and not child:
            return
        if error is BlockTimeout:
            self.timed_out = True
        else:
            self.interrupted = True
            self.interrupt_arrived()
        if child:
            self._cancel_task()
            raise asyncio.CancelledError
        self._lost = False
        self._strikes += 1
        if self._strikes > 1:
            self._let_go()
            self._relent = insist(below, error)
        self._struck = error()
        raise self._struck

    def _let_go(self) -> None:
        if self._relent is not None:
            self._relent()
            self._relent = None

    def _on_unraisable(self, other: Callable[[Any], Any], unraisable: Any) -> None:
        """What strikes in a destructor or a weak reference's callback is lost there: strike again, a moment later."""
        if self._struck is None or unraisable.exc_value is not self._struck:
            other(unraisable)
            return
        self._strikes -= 1
        self._lost = not self.timed_out
        self._owed = int(self._lost)
        self._alarm.set(LOST_SECONDS, LOST_SECONDS)


def _frames_below_mark(frame: FrameType | None) -> list[FrameType]:
    """The frames of agent code, innermost first; none when the code that was interrupted is not agent code."""
    frames: list[FrameType] = []
    while frame is not None:
        if frame.f_code is _agent_code.__code__:
            return [*frames, frame]
        frames.append(frame)
        frame = frame.f_back
    return []
