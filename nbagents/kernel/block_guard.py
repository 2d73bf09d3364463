"""`BlockGuard`: a block of agent code can be interrupted at any time, and nothing else is hit by it.

Python runs a signal's handler on the main thread, between any two instructions: in the block, in us, in the event
loop. So the handler looks where it struck. Below `agent_code` on the stack: the block's code, which gets a
KeyboardInterrupt. In another task that the block started: a CancelledError, since a KeyboardInterrupt out of a task
ends the kernel's loop. Anywhere else: whoever had the signal before gets it, unless we sent it ourselves and came
too late. That is mostly the cell, whose cancellation takes some rounds of the event loop; if agent code holds the loop
before it arrives, the signal was for that code.

A block may run agents that have blocks of their own. A person's interrupt is then for all of them; Stop and a timeout
are for the block that they were meant for and for those that it runs.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any, ClassVar, TypeVar

from ..runtime.current import current_gate, in_a_run
from .agent_frames import BlockTimeout, agent_code, frames_below_mark, guard_of
from .alarm import signal_main_thread
from .capture import CAPTURE, Capture
from .insistence import insist
from .shared_alarm import AGAIN_SECONDS, SharedAlarm
from .wakeup import woken_by_signals

T = TypeVar("T")

LOST_SECONDS = 0.01
"""After this time an interrupt that was lost strikes again."""
PASSED_ON_SECONDS = 0.05
"""So often it is looked whether an interrupt that was meant for the cell has come too late for it,"""
PASSED_ON_TRIES = 10
"""and so many times."""
_ALARM = SharedAlarm()


class BlockGuard:
    """Guards one block, from its first line to its last; a context manager. Made by who asks for the block.

    Args:
        capture: the block's, by which its tasks are recognised.
        timeout: seconds that the block may take; None for any.

    Attributes:
        interrupted: a person, or our Stop, interrupted it.
        timed_out: its time was over.
        cancels: it cancelled the block's task, because the block was awaiting.
        executing: its code is on the main thread.
        ends: what it did is being told: code that swallows an interrupt then is interrupted until it ends.
        stopping: it is interrupted until it ends.
        gate: of the run that it is part of; None for one by itself.
    """

    alive: ClassVar[list[BlockGuard]] = []
    """Of all blocks in flight, the latest last."""
    _lock = threading.RLock()
    _sent: ClassVar[bool] = False
    """The next SIGINT is ours."""
    _owed: ClassVar[int] = 0
    """How many more times it is looked whether the cell got its interrupt too late."""
    _striking: ClassVar[bool] = False

    def __init__(self, capture: Capture, timeout: float | None = None) -> None:
        self.interrupted = self.timed_out = self.cancels = self.executing = False
        self._outer = _guard_with(CAPTURE.get())
        self.gate = current_gate() if in_a_run() else None
        self._capture: Capture | None = capture
        self._timeout = timeout
        self.ends = self.stopping = self._ran = self._lost = False
        self._strikes = 0
        self._struck: BaseException | None = None
        self._asker: BlockGuard | None = None
        self._relent: Callable[[], None] | None = None
        self._ends_at = self._stopped_at = 0.0
        self._previous: Any = None

    def __enter__(self) -> BlockGuard:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        _ALARM.open()
        with self._lock:
            self.alive.append(self)
        self._replaced = self._install()
        if self._timeout:
            self._ends_at = time.monotonic() + self._timeout
            _ALARM.ring(self, self._timeout, AGAIN_SECONDS, self._on_ring)
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.alive.remove(self)
        _ALARM.forget(self)
        if not self.alive:
            self.interrupt_arrived()
        _ALARM.close()
        self._previous = _behind(self._replaced)
        # A cell that began meanwhile has put its own handler over ours and will put ours back: it then passes on.
        if signal.getsignal(signal.SIGINT) == self._on_sigint:
            self._put_back(self._replaced)
        self._capture = self._struck = self._asker = None

    def run(self, call: Callable[[], T]) -> T:
        """Run one uninterrupted stretch of the block's code on the main thread.

        Raises:
            KeyboardInterrupt: it was interrupted, if it lets that through.
            BlockTimeout: its time was over.
        """
        previous, replaced_hook = self._previous, sys.unraisablehook
        replaced = self._install()
        sys.unraisablehook = partial(self._on_unraisable, replaced_hook)
        self.executing = True
        try:
            if self.stopping and not self._ran:  # stopped before there was anything to interrupt
                self.interrupted = True
                raise KeyboardInterrupt
            self._ran = True
            _ALARM.arm()  # a Stop that came while a cell had the handler has only been noted
            with woken_by_signals():
                value = agent_code(call, self)
            if self._lost:  # in what ended before it could strike again
                self._lost = False
                self.interrupt_arrived()
                raise KeyboardInterrupt
            return value
        finally:
            self._let_go()
            self.executing = False
            sys.unraisablehook = replaced_hook
            self._put_back(replaced)
            self._previous = previous

    def stop(self) -> None:
        """Interrupt the block, and those that it runs, until it ends; from any thread, and at any time.

        The lock and the check of the handler make sure that the signal is ours to handle: whoever installs another
        handler lets ours handle first what is pending.
        """
        with self._lock:
            self._stopped_at = self._stopped_at or time.monotonic()
            self.stopping = True
            if self not in self.alive:
                return
            _ALARM.note(self, AGAIN_SECONDS, AGAIN_SECONDS, self._on_ring)
            if not _is_ours(signal.getsignal(signal.SIGINT)):
                return
            BlockGuard._sent = True
            signal_main_thread()

    def stop_inner(self) -> None:
        """A block that is ended takes along those that it runs: a `gather` leaves the others to themselves."""
        for guard in [each for each in self.alive if each is not self and self in each.and_outer()]:
            guard.stop()
            guard._cancel_task()

    @classmethod
    def interrupt_arrived(cls) -> None:
        """The one that was passed on reached the block after all: what cleans up is not to be struck by it as well."""
        cls._owed = 0
        _ALARM.forget(cls)

    def seconds_late(self) -> float:
        """Since the block was to end, by our Stop or by its timeout."""
        asked = [at for at in (self._stopped_at, self._ends_at) if at]
        return max(0.0, time.monotonic() - min(asked)) if asked else 0.0

    def _install(self) -> Any:
        replaced = signal.getsignal(signal.SIGINT)
        if replaced != self._on_sigint:
            self._previous = _behind(replaced)
        signal.signal(signal.SIGINT, self._on_sigint)
        return replaced

    def _put_back(self, replaced: Any) -> None:
        with self._lock:  # not between the check of the handler in `stop` and its signal
            signal.signal(signal.SIGINT, replaced)

    def and_outer(self) -> Iterator[BlockGuard]:
        """This one, and those whose blocks run it."""
        guard: BlockGuard | None = self
        while guard is not None:
            yield guard
            guard = guard._outer

    # Handlers: on the main thread, between any two instructions ---------------------------------------------

    def _on_sigint(self, signum: int, frame: FrameType | None) -> None:
        if _ALARM.claims():
            _ALARM.on_alarm(signum, frame)
            return
        with self._lock:
            ours, BlockGuard._sent = BlockGuard._sent, False
        _ALARM.arm()  # a Stop is only noted; also when it does not strike: its code may be about to run
        struck = _guard_at(frame)
        if struck is not None:
            asker = next((guard for guard in struck.and_outer() if guard.stopping), None) if ours else None
            if asker or not ours:
                struck._strike(frame, KeyboardInterrupt, asker)
        if ours:
            return
        if self.alive:
            # The cell's cancellation may come too late: agent code may be about to take the loop from it.
            self._owe(PASSED_ON_TRIES, PASSED_ON_SECONDS)
        if callable(self._previous):
            self._previous(signum, frame)

    @classmethod
    def _owe(cls, tries: int, seconds: float) -> None:
        cls._owed = tries
        _ALARM.ring(cls, seconds, seconds, cls._on_owed)

    @classmethod
    def _on_owed(cls, frame: FrameType | None) -> None:
        cls._owed -= 1
        if cls._owed <= 0:
            _ALARM.forget(cls)
        struck = _guard_at(frame)
        if struck is not None:
            struck._strike(frame, KeyboardInterrupt, None)

    def _on_ring(self, frame: FrameType | None) -> None:
        """It is stopped, or its time is over."""
        struck = _guard_at(frame)
        if not self.stopping:
            self.timed_out = True
            if struck is not self:
                self._cancel_task()
        if struck is not None and self in struck.and_outer():
            own_timeout = struck is self and not self.stopping
            struck._strike(frame, BlockTimeout if own_timeout else KeyboardInterrupt, self)

    def _cancel_task(self) -> None:
        self.cancels = True
        self._loop.call_soon_threadsafe(self._cancel_now)

    def _cancel_now(self) -> None:
        self.interrupt_arrived()
        if self._task is not None:
            self._task.cancel()

    def _strike(self, frame: FrameType | None, error: type[BaseException], asker: BlockGuard | None) -> None:
        """Raise in the block's code, which the signal interrupted.

        Args:
            asker: whose Stop or timeout it is, this block's or that of one which runs it; None for a person's.
        """
        if BlockGuard._striking:  # a signal in the handler of another, which raises
            return
        BlockGuard._striking = True
        try:
            for guard in self.and_outer():
                if guard is asker and not guard.stopping:
                    break  # its time is over
                guard.interrupted = True
                if guard is asker:
                    break
            if self.ends and asker is None:
                self.stopping = True
                _ALARM.ring(self, PASSED_ON_SECONDS, PASSED_ON_SECONDS, self._on_ring)
            below = frames_below_mark(frame)
            if below:
                self.interrupt_arrived()
                self._lost = False
                self._strikes += 1
                if self._strikes > 1:
                    self._let_go()
                    self._relent = insist(below, error)
            else:  # other tasks of the block may take the loop before its cancellation arrives
                if asker is None and not self._owed:
                    self._owe(PASSED_ON_TRIES, PASSED_ON_SECONDS)
                self._cancel_task()
                error = asyncio.CancelledError
            self._struck, self._asker = error(), asker
        finally:
            BlockGuard._striking = False
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
        if self._asker is None:
            self._lost = True
            self._owe(1, LOST_SECONDS)
        else:
            _ALARM.ring(self._asker, LOST_SECONDS, AGAIN_SECONDS, self._asker._on_ring)


def _is_ours(handler: Any) -> bool:
    return isinstance(getattr(handler, "__self__", None), BlockGuard)


def _behind(handler: Any) -> Any:
    """Whoever else gets the signals of `handler`; guards know of each other, and pass on to none."""
    return handler.__self__._previous if _is_ours(handler) else handler


def _guard_with(capture: Capture | None) -> BlockGuard | None:
    return next((guard for guard in list(BlockGuard.alive) if capture and guard._capture is capture), None)


def _guard_at(frame: FrameType | None) -> BlockGuard | None:
    """Of the block whose code runs in `frame`, below the mark or in another task that it started."""
    frames = frames_below_mark(frame)
    return guard_of(frames) if frames else _guard_with(CAPTURE.get())
