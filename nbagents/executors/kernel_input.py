"""`input()` in a block that runs in another kernel: the question goes to a person, the answer back to the kernel."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from .kernel_connection import KernelConnection
from .safe_outputs import printable

Ask = Callable[[str, bool], Awaitable[str]]
"""Asks a person for a line: the prompt, and whether it is a password."""

_log = logging.getLogger(__name__)


class InputRequests:
    """The questions of the blocks of one session.

    Args:
        ask: answers them; None where nobody can be asked, and the kernel is told so beforehand.
    """

    def __init__(self, ask: Ask | None) -> None:
        self.ask = ask
        self._asking: set[asyncio.Task[None]] = set()

    def begin(self, kernel: KernelConnection, content: dict[str, Any]) -> None:
        """Ask what an `input_request` wants to know."""
        if self.ask is not None:
            task = asyncio.create_task(self._reply(self.ask, kernel, content))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    def end(self) -> None:
        """The block has ended: nobody waits for an answer."""
        for asking in self._asking:
            asking.cancel()

    async def _reply(self, ask: Ask, kernel: KernelConnection, content: dict[str, Any]) -> None:
        try:
            answer = await ask(printable(str(content.get("prompt", ""))), bool(content.get("password")))
        except Exception:
            _log.exception("nobody could be asked for the input of a block")
            with suppress(Exception):  # the kernel is gone, and with it the question
                await kernel.interrupt()
        else:
            kernel.send("stdin", "input_reply", {"value": answer})
