"""What was being started when nobody waited for it any more."""

from __future__ import annotations

import asyncio
import threading

import pytest

from nbagents.executors.docker import launch
from nbagents.executors.docker.launch import launched


async def test_what_was_made_and_what_went_wrong_arrive() -> None:
    discarded: list[int] = []

    assert await launched(lambda: 7, discarded.append) == 7
    with pytest.raises(ZeroDivisionError):
        await launched(lambda: 1 // 0, discarded.append)
    assert discarded == []


async def test_a_start_that_cannot_come_to_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "LOOK_SECONDS", 0.01)
    go_on, discarded = threading.Event(), threading.Event()

    def make() -> int:
        go_on.wait(10)
        return 7

    with pytest.raises(ConnectionError, match="hangs"):
        await launched(make, lambda made: discarded.set(), _hangs)
    go_on.set()

    assert await asyncio.to_thread(discarded.wait, 10)


async def test_what_is_made_meanwhile_counts_more_than_a_check_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "LOOK_SECONDS", 0.01)
    checking, made = threading.Event(), threading.Event()

    def make() -> int:
        checking.wait(10)
        return 7

    def check() -> None:
        checking.set()
        made.wait(10)
        _hangs()

    assert await launched(make, lambda made: None, check) == 7
    made.set()


def _hangs() -> None:
    raise ConnectionError("it hangs")


def test_what_nobody_waits_for_is_discarded_also_after_the_end_of_the_loop() -> None:
    begun, go_on, discarded = threading.Event(), threading.Event(), threading.Event()

    def make() -> int:
        begun.set()
        go_on.wait(10)
        return 7

    async def main() -> None:
        starting = asyncio.ensure_future(launched(make, lambda made: discarded.set()))
        await asyncio.to_thread(begun.wait, 10)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    asyncio.run(main())
    go_on.set()

    assert discarded.wait(10)
