"""`RequestLine`: requests go to a kernel one at a time, and what comes back goes to the one that is on its way.

Messages of a request that nobody waits for any more, and of threads that earlier blocks left behind, go nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from .block_outputs import BlockOutputs
from .kernel_connection import KernelConnection, KernelDeath, Message
from .kernel_input import Ask, InputRequests
from .kernel_limits import KernelLimits
from .kernel_request import KernelRequest

RECONNECT_SECONDS = 0.5
"""ZeroMQ tries each connection again every 0.1 s; a question on one that is not there yet is lost."""
LAST_MESSAGES_SECONDS = 0.1
"""How long the last messages of a kernel that has died may be on their way."""


class RequestLine:
    """The way of requests to the kernels of one session.

    Args:
        limits: of each request.
        clean: what becomes of HTML.
        ask: answers `input()` in a block; without it `input()` is an error of the block.
    """

    def __init__(self, limits: KernelLimits, clean: Callable[[str], str], ask: Ask | None) -> None:
        self._limits, self._clean = limits, clean
        self._input = InputRequests(ask)
        self._request: KernelRequest | None = None

    def send(
        self,
        kernel: KernelConnection,
        outputs: BlockOutputs,
        code: str,
        expressions: dict[str, str],
        *,
        silent: bool = False,
    ) -> KernelRequest:
        """Ask a kernel to run `code`, and to evaluate `expressions` when it is through."""
        request = KernelRequest(outputs, self._clean, self._limits.flood, partial(self._input.begin, kernel))
        self._request = request
        request.id = kernel.send(
            "shell",
            "execute_request",
            {
                "code": code,
                "silent": silent,
                "store_history": False,
                "user_expressions": expressions,
                "allow_stdin": self._input.ask is not None and not silent,
                "stop_on_error": False,  # a kernel drops what is asked just after an error
            },
        )
        return request

    def free(self) -> None:
        """Nobody waits for the request any more, nor for what it has asked a person."""
        self._request = None
        self._input.end()

    def receive(self, channel: str, message: Message, size: int) -> None:
        """Take a message of the kernel."""
        if self._request is not None:
            self._request.receive(channel, message, size)

    def died(self, death: asyncio.Future[KernelDeath]) -> None:
        """The kernel has died, and nothing will end the request."""
        if self._request is not None:
            asyncio.get_running_loop().call_later(LAST_MESSAGES_SECONDS, self._request.end)

    async def until_heard(self, kernel: KernelConnection) -> None:
        """Wait for a complete answer. A subscription takes a moment, and what is published before it is lost."""
        heard = False
        while not heard and not kernel.death.done():
            request = self.send(kernel, BlockOutputs(), "", {}, silent=True)
            request.loose_end_seconds = 0.1
            await request.ended
            heard = not request.incomplete
        if self._input.ask is not None:
            await asyncio.sleep(RECONNECT_SECONDS)
