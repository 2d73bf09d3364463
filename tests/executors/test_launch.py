"""What was being started when nobody waited for it any more."""

from __future__ import annotations

import asyncio
import threading

import pytest

from nbagents.executors.docker.launch import launched


async def test_what_was_made_and_what_went_wrong_arrive() -> None:
    discarded: list[int] = []

    assert await launched(lambda: 7, discarded.append) == 7
    with pytest.raises(ZeroDivisionError):
        await launched(lambda: 1 // 0, discarded.append)
    assert discarded == []


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
