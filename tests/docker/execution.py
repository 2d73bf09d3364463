"""Runs a piece of code in a kernel by Jupyter's messages alone: what is under test is the kernel's container."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from nbagents.executors.docker import ReadyKernel


@dataclass(frozen=True)
class Executed:
    """The reply's status, what was printed, the last value, and the error's name and text."""

    status: str
    text: str
    value: str
    error: str


async def execute(kernel: ReadyKernel, code: str, timeout: float = 30) -> Executed:
    """Run `code` and collect its output; a container that dies of it is a failure of the test."""
    running = asyncio.ensure_future(_execute(kernel, code, timeout))
    death = asyncio.wrap_future(kernel.provisioner.death)
    await asyncio.wait({running, death}, return_when=asyncio.FIRST_COMPLETED)
    if not running.done():
        running.cancel()
        await asyncio.wait({running})
        raise AssertionError(f"the container died: {death.result()}")
    return running.result()


async def _execute(kernel: ReadyKernel, code: str, timeout: float) -> Executed:
    client, printed, value = kernel.client, [], ""
    asked = client.execute(code)
    async with asyncio.timeout(timeout):
        while True:
            message = await client.get_iopub_msg()
            if message["parent_header"].get("msg_id") != asked:
                continue
            content = message["content"]
            if message["msg_type"] == "stream":
                printed.append(content["text"])
            elif message["msg_type"] == "execute_result":
                value = content["data"]["text/plain"]
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                break
        while (reply := await client.get_shell_msg())["parent_header"].get("msg_id") != asked:
            pass
    content = reply["content"]
    return Executed(
        content["status"], "".join(printed), value, f"{content.get('ename', '')}: {content.get('evalue', '')}"
    )
