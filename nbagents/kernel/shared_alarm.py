"""`SharedAlarm`: one timer of the process for all blocks in flight.

A block may run agents whose blocks run while it awaits them, several at once, and end in any order. Had each its own
timer, each would take it from the others: of two blocks side by side the first to end would silence the second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

from .alarm import Alarm, new_alarm

AGAIN_SECONDS = 0.3
"""A block that is stopped, or whose time is over, and that goes on regardless is interrupted again this often."""
_AT_ONCE = 0.001

OnRing = Callable[[FrameType | None], None]


@dataclass(slots=True)
class _Ring:
    at: float
    again: float
    call: OnRing


class SharedAlarm:
    """Rings for whoever asked; `call` gets the frame that was interrupted, and may raise into it."""

    def __init__(self) -> None:
        self._rings: dict[object, _Ring] = {}
        self._users = 0
        self._alarm: Alarm | None = None

    def open(self) -> None:
        """On the main thread, once by each block before it begins."""
        self._users += 1
        if self._users == 1:
            alarm = new_alarm(self.on_alarm)
            alarm.start(0, AGAIN_SECONDS)
            self._alarm = alarm
            self.arm()

    def close(self) -> None:
        """Give the timer back at the end of the last block; from then on nothing can set it."""
        self._users -= 1
        if self._users == 0 and self._alarm is not None:
            alarm, self._alarm = self._alarm, None
            self._rings.clear()
            alarm.cancel()

    def ring(self, who: object, seconds: float, again: float, call: OnRing) -> None:
        """For `who`: after `seconds`, then every `again` seconds; instead of what `who` asked for before."""
        self.note(who, seconds, again, call)
        self.arm()

    def note(self, who: object, seconds: float, again: float, call: OnRing) -> None:
        """The same from any thread; it takes effect when the main thread arms the timer the next time."""
        self._rings[who] = _Ring(time.monotonic() + seconds, again, call)

    def forget(self, who: object) -> None:
        """Ring no more for `who`."""
        if self._rings.pop(who, None) is not None:
            self.arm()

    def arm(self) -> None:
        """Set the timer to the next who is due; again when a signal's handler changed that meanwhile."""
        armed = -1.0
        while self._alarm is not None and (due := self._next_due()) != armed:
            armed = due
            self._alarm.set(max(due - time.monotonic(), _AT_ONCE) if due else 0, AGAIN_SECONDS)

    def claims(self) -> bool:
        """True when the SIGINT that is being handled is really this alarm's."""
        return self._alarm is not None and self._alarm.claims()

    def on_alarm(self, signum: int, frame: FrameType | None) -> None:
        """One may raise; the others that are due ring a moment later."""
        now = time.monotonic()
        for ring in [ring for ring in list(self._rings.values()) if ring.at <= now]:
            ring.at = now + ring.again
            self.arm()
            ring.call(frame)
        self.arm()

    def _next_due(self) -> float:
        return min([ring.at for ring in list(self._rings.values())], default=0.0)
