"""`Alarm`: calls back on the main thread when time is over, even while that runs code that never yields.

A real-time timer of the operating system where there is one: its signal also gets into long calls that let signals
in, such as a regular expression that backtracks. On Windows a thread does it, as Ctrl-C does there.
"""

from __future__ import annotations

import _thread
import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

OnAlarm = Callable[[int, FrameType | None], None]


class Alarm:
    """One timer, to be started on the main thread. `on_alarm` gets the frame that was interrupted, as handlers do."""

    def __init__(self, on_alarm: OnAlarm) -> None:
        self._on_alarm = on_alarm
        self._started = False
        self._replaced_handler: Any = None
        self._replaced_timer = (0.0, 0.0)

    def start(self, seconds: float, again: float) -> None:
        """Ring after `seconds`, then every `again` seconds; with 0 seconds, not before `set` is called."""
        self._replaced_handler = signal.signal(signal.SIGALRM, self._on_alarm)
        self._replaced_timer = signal.setitimer(signal.ITIMER_REAL, seconds, again)
        self._started = True

    def set(self, seconds: float, again: float) -> None:
        """Ring at these times instead, counted from now; also from within a signal handler.

        Nothing before the start and after the end: whose handler rings then is not known, and without one the process
        would end.
        """
        if self._started:
            signal.setitimer(signal.ITIMER_REAL, seconds, again)

    def cancel(self) -> None:
        """Ring no more, and give the timer back to whoever had it."""
        self._started = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._replaced_handler)
        signal.setitimer(signal.ITIMER_REAL, *self._replaced_timer)

    def claims(self) -> bool:
        """True when the SIGINT that is being handled is really this alarm's."""
        return False


class ThreadAlarm(Alarm):
    """An alarm without a timer of the operating system: a thread that sends SIGINT, and says that it was the one."""

    def __init__(self, on_alarm: OnAlarm) -> None:
        super().__init__(on_alarm)
        self._changed = threading.Condition()
        self._wait: float | None = None
        self._again: float | None = None
        self._rang = self._over = False

    def start(self, seconds: float, again: float) -> None:
        self._wait, self._again = seconds or None, again
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._ring, name="nbagents alarm", daemon=True).start()

    def set(self, seconds: float, again: float) -> None:
        self._wait, self._again = seconds or None, again
        if self._changed.acquire(blocking=False):  # in a signal handler nothing may be waited for
            self._changed.notify()
            self._changed.release()

    def cancel(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify()

    def claims(self) -> bool:
        rang, self._rang = self._rang, False
        return rang

    def _ring(self) -> None:
        with self._changed:
            while not self._over:
                expected = self._wait
                if self._changed.wait(expected) or expected is None or self._over:
                    continue  # set anew, or over
                self._wait, self._rang = self._again, True
                _thread.interrupt_main(signal.SIGINT)
                self._loop.call_soon_threadsafe(lambda: None)  # it may be asleep, and this is no real signal


def new_alarm(on_alarm: OnAlarm) -> Alarm:
    """The alarm of this platform."""
    return Alarm(on_alarm) if hasattr(signal, "setitimer") else ThreadAlarm(on_alarm)


def signal_main_thread() -> None:
    """Send SIGINT, from any thread, so that it also ends a system call of the main thread where that can be."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main(signal.SIGINT)
