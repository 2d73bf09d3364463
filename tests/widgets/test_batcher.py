"""One delta in 50 ms at most, numbered, and no timer left behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbagents.widgets.batcher import INTERVAL, QUIET, Batcher, Op


class Timer:
    def __init__(self, clock: Clock, at: float, call: Callable[[], None]) -> None:
        self.clock, self.at, self.call = clock, at, call

    def cancel(self) -> None:
        self.clock.timers = [timer for timer in self.clock.timers if timer is not self]


class Clock:
    """Makes calls later, with a time of its own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []

    def call_later(self, delay: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(self, self.now + delay, call))
        return self.timers[-1]

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [timer for timer in self.timers if timer.at <= end]:
            first = min(due, key=lambda timer: timer.at)
            self.now = first.at
            first.cancel()
            first.call()
        self.now = end


class Sender:
    """A batcher with what it collects and what it sent."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.changed: list[Op] = []
        self.sent: list[dict[str, Any]] = []
        self.batcher = Batcher(self.collect, self.sent.append, self.clock.call_later)

    def collect(self) -> list[Op]:
        changed, self.changed = self.changed, []
        return changed

    def deltas(self) -> list[dict[str, Any]]:
        return [message for message in self.sent if message["t"] == "delta"]

    def change(self, number: int) -> None:
        self.changed.append({"op": "drop", "id": str(number)})
        self.batcher.poke()


def test_changes_of_one_interval_go_together_and_are_numbered() -> None:
    sender = Sender()
    for number in range(10):
        sender.change(number)
        sender.clock.pass_time(INTERVAL / 4)
    sender.clock.pass_time(1)
    assert [message["seq"] for message in sender.deltas()] == [1, 2, 3]
    assert [op["id"] for message in sender.deltas() for op in message["ops"]] == [str(number) for number in range(10)]


def test_a_flood_is_not_sent_as_a_flood() -> None:
    sender = Sender()
    for number in range(10_000):
        sender.change(number)
        sender.clock.pass_time(0.0005)
    sender.clock.pass_time(1)
    assert len(sender.sent) <= 5 / INTERVAL + 1


def test_nothing_is_sent_and_no_timer_waits_when_nothing_changes() -> None:
    sender = Sender()
    sender.change(1)
    sender.clock.pass_time(QUIET + 1)
    assert not sender.clock.timers
    sender.batcher.poke()
    sender.clock.pass_time(1)
    assert (len(sender.deltas()), sender.batcher.seq, sender.clock.timers) == (1, 1, [])


def test_the_last_number_is_said_once_more_when_it_is_quiet() -> None:
    sender = Sender()
    for number in range(10):
        sender.change(number)
        sender.clock.pass_time(QUIET / 4)
    sender.clock.pass_time(10 * QUIET)
    assert [message["t"] for message in sender.sent] == ["delta"] * 10 + ["seq"]
    assert sender.sent[-1] == {"t": "seq", "seq": 10}


def test_close_sends_all_at_once_and_leaves_no_timer() -> None:
    sender = Sender()
    sender.change(1)
    sender.batcher.close()
    assert [message["t"] for message in sender.sent] == ["delta", "seq"]
    assert not sender.clock.timers
    sender.clock.pass_time(10)
    assert len(sender.sent) == 2
