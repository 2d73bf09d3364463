"""What a session does with a kernel that answers in unusual ways: the kernel is played by the test."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nbagents.executors.block_outputs import BlockOutputs
from nbagents.executors.kernel_connection import KernelDeath, Receive
from nbagents.executors.kernel_limits import KernelLimits
from nbagents.executors.kernel_session import KernelSession

LIMITS = KernelLimits(text=1000, rich=1000, flood=2000, grace_seconds=5)


class PlayedKernel:
    """Answers everything at once but the block "flood", which says too much until it is interrupted.

    Args:
        says_idle: whether that block is seen to end; else the word of it is lost in what it has said.
    """

    language = "played"

    def __init__(self, says_idle: bool) -> None:
        self.death: asyncio.Future[KernelDeath] = asyncio.get_running_loop().create_future()
        self.says_idle, self.reconnects, self.sent = says_idle, 0, 0
        self.flooding = ""

    async def open(self, receive: Receive) -> None:
        self.receive = receive

    def send(self, channel: str, kind: str, content: dict[str, Any]) -> str:
        self.sent += 1
        asked = str(self.sent)
        answer = self.flood if content["code"] == "flood" else self.end
        asyncio.get_running_loop().call_soon(answer, asked)
        return asked

    def flood(self, asked: str) -> None:
        self.flooding = asked
        self.tell("iopub", asked, "stream", {"name": "stdout", "text": "x"}, size=3000)

    def end(self, asked: str, *, idle: bool = True) -> None:
        self.tell("shell", asked, "execute_reply", {"status": "ok"})
        if idle:
            self.tell("iopub", asked, "status", {"execution_state": "idle"})

    def tell(self, channel: str, asked: str, kind: str, content: dict[str, Any], size: int = 10) -> None:
        self.receive(channel, {"parent_header": {"msg_id": asked}, "msg_type": kind, "content": content}, size)

    async def interrupt(self) -> None:
        self.end(self.flooding, idle=self.says_idle)

    async def reconnect(self) -> None:
        self.reconnects += 1

    async def close(self) -> None:
        if not self.death.done():
            self.death.set_result(KernelDeath(1, "closed"))


@pytest.mark.parametrize(("says_idle", "reconnects"), [(True, 0), (False, 1)])
async def test_what_a_flood_has_left_on_its_way_does_not_crowd_out_the_next_block(
    says_idle: bool, reconnects: int
) -> None:
    kernel = PlayedKernel(says_idle)

    async def connect() -> PlayedKernel:
        return kernel

    session = KernelSession(connect, LIMITS, sandboxed=True)
    result = await session.run("flood", None, BlockOutputs())
    after = await session.run("1", None, BlockOutputs())
    await session.stop()

    assert result.output.endswith("OutputLimit: more than 0 MB of output; interrupted")
    assert (after.exit_code, after.output) == (0, "")
    assert kernel.reconnects == reconnects
