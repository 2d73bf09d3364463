"""The I/O thread: what runs there goes on while the caller's thread computes, and ends when the caller ends it."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from contextvars import ContextVar
from typing import Any

import pytest

from nbagents import io_thread
from nbagents.io_thread import ENDS_WITHIN, call_later, performed_there, streamed_there

WHO: ContextVar[str] = ContextVar("who", default="nobody")


async def where() -> tuple[str, str]:
    await asyncio.sleep(0)
    return threading.current_thread().name, WHO.get()


async def test_it_runs_there_with_the_callers_context() -> None:
    WHO.set("me")
    assert await performed_there(where) == ("nbagents-io", "me")


async def test_an_error_comes_back_as_it_is() -> None:
    async def fails() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await performed_there(fails)


async def test_work_on_the_thread_may_ask_for_the_thread() -> None:
    async def outer() -> tuple[str, str]:
        return await performed_there(where)

    assert (await asyncio.wait_for(performed_there(outer), 5))[0] == "nbagents-io"


class Endless:
    """Work that never ends by itself, and says how it ended."""

    def __init__(self) -> None:
        self.begun, self.cancelled, self.closed = threading.Event(), threading.Event(), threading.Event()

    async def __call__(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def stream(self) -> AsyncGenerator[int, None]:
        try:
            number = 0
            while True:
                yield number
                number += 1
                self.begun.set()
                await asyncio.sleep(0.001)
        finally:
            self.closed.set()


async def test_cancelling_the_caller_ends_the_work_before_the_caller_goes_on() -> None:
    work = Endless()
    task = asyncio.create_task(performed_there(work))
    await asyncio.to_thread(work.begun.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.cancelled.is_set()


async def test_work_that_will_not_end_does_not_hold_the_caller() -> None:
    begun, free = threading.Event(), asyncio.Event()

    async def stubborn() -> None:
        begun.set()
        while not free.is_set():
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                asyncio.get_running_loop().call_later(3, free.set)
                await free.wait()

    task = asyncio.create_task(performed_there(stubborn))
    await asyncio.to_thread(begun.wait, 5)
    task.cancel()
    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - began < 2


async def test_a_stream_arrives_in_order_and_whole() -> None:
    async def count() -> AsyncGenerator[int, None]:
        for number in range(1000):
            yield number
            if number % 7 == 0:
                await asyncio.sleep(0)

    assert [item async for item in streamed_there(count)] == list(range(1000))


async def test_a_stream_goes_on_while_the_callers_thread_is_busy() -> None:
    heard: list[tuple[float, str]] = []

    async def beats() -> AsyncGenerator[int, None]:
        for number in range(5):
            await asyncio.sleep(0.02)
            yield number

    def hear(_: int) -> None:
        heard.append((time.monotonic(), threading.current_thread().name))

    stream = streamed_there(beats, hear)
    first = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)  # it has begun
    while len(heard) < 5:  # the loop of this test stands still
        time.sleep(0.01)
    assert {name for _, name in heard} == {"nbagents-io"}
    assert await first == 0
    assert [item async for item in stream] == [1, 2, 3, 4]


async def test_leaving_a_stream_early_closes_it_there() -> None:
    work = Endless()
    async with aclosing(streamed_there(work.stream)) as stream:
        async for number in stream:
            if number == 3:
                break
    assert work.closed.is_set()


async def test_an_error_in_a_stream_comes_after_what_was_sent() -> None:
    async def breaks() -> AsyncGenerator[int, None]:
        yield 1
        raise ValueError("broken")

    seen: list[int] = []

    async def look() -> None:
        async for item in streamed_there(breaks):
            seen.append(item)

    with pytest.raises(ValueError, match="broken"):
        await look()
    assert seen == [1]


def test_the_thread_outlives_the_loops_that_use_it() -> None:
    names = [asyncio.run(performed_there(where))[0] for _ in range(3)]
    assert names == ["nbagents-io"] * 3
    assert [thread.name for thread in threading.enumerate()].count("nbagents-io") == 1


def test_a_loop_that_was_closed_in_the_middle_leaves_nothing_running() -> None:
    work = Endless()

    async def leave() -> None:
        asyncio.ensure_future(performed_there(work))  # noqa: RUF006  # asyncio.run cancels what is left
        await asyncio.to_thread(work.begun.wait, 5)

    asyncio.run(leave())
    assert work.cancelled.wait(5)


def test_a_call_later_is_made_once_or_not_at_all() -> None:
    called, never = threading.Event(), threading.Event()
    call_later(0.3, never.set).cancel()
    call_later(0.01, called.set)
    assert called.wait(5)
    assert not never.wait(0.5)


def test_the_process_ends_and_closes_what_is_under_way() -> None:
    code = """
import asyncio, threading
from nbagents.io_thread import performed_there
begun = threading.Event()
async def work():
    begun.set()
    try:
        await asyncio.Event().wait()
    finally:
        print("closed", flush=True)
async def main():
    task = asyncio.ensure_future(performed_there(work))
    await asyncio.to_thread(begun.wait, 5)
    loop = asyncio.get_running_loop()
    loop.stop()
loop = asyncio.new_event_loop()
task = loop.create_task(main())
loop.run_forever()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "closed\n"


@pytest.mark.skipif(not hasattr(io_thread.os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_a_thread_of_its_own() -> None:
    asyncio.run(performed_there(where))
    pid = io_thread.os.fork()
    if pid == 0:
        name, _ = asyncio.run(performed_there(where))
        io_thread.os._exit(0 if name == "nbagents-io" else 1)
    assert io_thread.os.waitpid(pid, 0)[1] == 0


async def test_a_cancellation_may_wait_as_long_as_it_takes() -> None:
    begun, ended = threading.Event(), []

    async def work() -> None:
        try:
            begun.set()
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.1)
            ended.append(True)

    task = asyncio.create_task(performed_there(work, ends_within=None))
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
async def test_work_that_would_end_a_loop_does_not_end_that_of_the_others(error: BaseException) -> None:
    async def ends() -> None:
        raise error

    raised: BaseException | None = None
    task = asyncio.create_task(_caught(performed_there(ends)))
    raised = await asyncio.wait_for(task, 5)
    assert raised is error
    assert (await asyncio.wait_for(performed_there(where), 5))[0] == "nbagents-io"


async def _caught(work: Awaitable[Any]) -> BaseException | None:
    try:
        await work
    except BaseException as error:
        return error
    return None


async def test_an_error_that_comes_after_the_caller_left_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    over = threading.Event()

    async def late() -> AsyncGenerator[int, None]:
        try:
            while True:
                yield 1
                await asyncio.sleep(0)
        finally:
            await asyncio.sleep(ENDS_WITHIN + 0.2)
            asyncio.get_running_loop().call_later(0.1, over.set)
            raise ValueError("a secret")

    async with aclosing(streamed_there(late)) as items:
        await anext(items)
    del items
    assert await asyncio.to_thread(over.wait, 5)
    await asyncio.sleep(0)
    gc.collect()
    assert "secret" not in caplog.text


async def test_cancelled_at_any_moment_nothing_is_left_there() -> None:
    running = 0

    async def count() -> AsyncGenerator[int, None]:
        nonlocal running
        running += 1
        try:
            for number in range(5):
                yield number
                await asyncio.sleep(0)
        finally:
            running -= 1

    async def read() -> list[int]:
        return [item async for item in streamed_there(count)]

    for moment in range(60):
        task = asyncio.create_task(read())
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        assert await asyncio.wait([task]) and (task.cancelled() or task.result() == [0, 1, 2, 3, 4])
    assert running == 0
    assert not asyncio.all_tasks(io_thread._thread().loop)
