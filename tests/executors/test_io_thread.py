"""The I/O thread: results, errors and cancellations cross it; a cancellation waits for the end."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

import pytest

from nbagents.executors.io_thread import io_loop, on_io_thread

MARK: ContextVar[str] = ContextVar("mark")


async def test_it_runs_on_the_thread_with_the_callers_context() -> None:
    MARK.set("here")

    async def look() -> tuple[str, str]:
        return threading.current_thread().name, MARK.get()

    assert await on_io_thread(look()) == ("nbagents I/O", "here")


async def test_errors_come_back() -> None:
    async def fail() -> None:
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        await on_io_thread(fail())


async def test_from_the_thread_itself_it_is_awaited() -> None:
    async def outer() -> bool:
        async def inner() -> bool:
            return asyncio.get_running_loop() is io_loop()

        return await on_io_thread(inner())

    assert await on_io_thread(outer())


async def test_a_cancellation_waits_until_it_has_ended() -> None:
    begun, ended = threading.Event(), []

    async def work() -> None:
        try:
            begun.set()
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.1)
            ended.append(True)

    task = asyncio.create_task(on_io_thread(work()))
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert ended == [True]


async def test_a_cancellation_wins_over_an_error_of_the_cleaning_up() -> None:
    begun = threading.Event()

    async def work() -> None:
        try:
            begun.set()
            await asyncio.sleep(60)
        finally:
            raise RuntimeError("in the cleaning up")

    task = asyncio.create_task(on_io_thread(work()))
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
