"""Functions of the user's that may wait for a person: an `input_func`, an `approval_func`, `input` itself.

One that is not async waits in a daemon thread of its own, not in asyncio's pool: a script whose run was stopped or
interrupted ends at once, where the pool would have it wait until somebody presses Enter.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import Any, TypeVar

T = TypeVar("T")


def is_async(function: Callable[..., Any]) -> bool:
    """True for an async function, and for an object that is called like one."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004 - asks whether it is async, not whether it can be called


def _is_pythons_input(function: Callable[..., Any]) -> bool:
    """True for `input` as Python has it. What a kernel or a test puts in its place is called: it may read elsewhere."""
    return inspect.isbuiltin(function) and (function.__module__, function.__name__) == ("builtins", "input")


def read_line(prompt: str) -> str:
    """What `input` gives back, read so that the thread can be left behind.

    `input` reads through Python's buffer unless there is a line editor; that buffer stays locked while a thread waits
    for a line, and Python aborts a script that ends meanwhile. So without one the line is read from the file.

    Raises:
        EOFError: there is no more.
    """
    try:
        file, edited = sys.stdin.fileno(), sys.stdin.isatty() and sys.stdout.isatty()
    except (OSError, ValueError):  # not a file: what a test or an embedding program put there
        return input(prompt)
    if edited:
        return input(prompt)
    print(prompt, end="", flush=True)
    line, byte = bytearray(), b""
    while (byte := os.read(file, 1)) not in (b"", b"\n"):
        line += byte
    if not line and not byte:
        raise EOFError("standard input has ended")
    return line.decode(sys.stdin.encoding or "utf-8", errors="replace").rstrip("\r")


async def wait_in_thread(function: Callable[..., T], *args: Any) -> T:
    """Call `function` in a thread, with the context of this call. Cancelling gives up waiting, not the thread."""
    loop = asyncio.get_running_loop()
    context, outcome = copy_context(), loop.create_future()
    called = read_line if _is_pythons_input(function) else function

    def settle(result: Any, error: BaseException | None) -> None:
        if outcome.done():
            return
        if error is None:
            outcome.set_result(result)
        elif isinstance(error, StopIteration):  # a future cannot hold one
            outcome.set_exception(RuntimeError("the function raised StopIteration"))
        else:
            outcome.set_exception(error)

    def work() -> None:
        result, error = None, None
        try:
            result = context.run(called, *args)
        except BaseException as raised:  # whatever it is, it belongs to whoever awaits
            error = raised
        with suppress(RuntimeError):  # the loop has ended: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=work, name="nbagents waits for a person", daemon=True).start()
    answer: T = await outcome
    return answer
