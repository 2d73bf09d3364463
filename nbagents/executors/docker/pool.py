"""Kernels that are ready before they are needed: a first block then answers in milliseconds instead of a second.

A ready kernel is a container of its own that has answered once, and a client that is connected to it. It is handed out
once and belongs to whom it was given: nothing is shared between agents or taken back. It costs 50 MB and no time.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager

from ...errors import SandboxUnavailable
from ..kernel_connection import bounded_context
from .container_spec import ContainerOptions
from .kernelspec import docker_kernel_manager
from .provisioner import DockerKernelProvisioner

READY_SECONDS = 60.0
"""How long a kernel may take from its start to its first answer."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReadyKernel:
    """A kernel that has answered, and a client whose shell, iopub and control channels are connected.

    The client has no heartbeat channel: `provisioner.death` tells more, and sooner.
    """

    manager: AsyncKernelManager
    client: AsyncKernelClient

    @property
    def provisioner(self) -> DockerKernelProvisioner:
        assert isinstance(self.manager.provisioner, DockerKernelProvisioner)
        return self.manager.provisioner

    @property
    def alive(self) -> bool:
        return not self.provisioner.death.done()

    async def close(self) -> None:
        """End kernel and container."""
        self.client.stop_channels()
        await self.manager.shutdown_kernel(now=True)


async def start_kernel(options: ContainerOptions | None = None) -> ReadyKernel:
    """Start a container and wait until the kernel in it answers.

    Raises:
        SandboxUnavailable: there is no engine or image, the engine refused, or the kernel died or did not answer.
    """
    manager = docker_kernel_manager(options)
    await manager.start_kernel()
    client = manager.client(context=bounded_context())
    kernel = ReadyKernel(manager, client)
    try:
        client.start_channels(shell=True, iopub=True, stdin=True, hb=False, control=True)
        await wait_until_ready(kernel)
    except BaseException:
        await asyncio.shield(kernel.close())
        raise
    return kernel


async def wait_until_ready(kernel: ReadyKernel, timeout: float = READY_SECONDS) -> None:
    """Wait until the kernel has answered and its output reaches the client; also right after a restart.

    jupyter_client's `wait_for_ready` polls, and sleeps 0.2 s when all is done.

    Raises:
        SandboxUnavailable: the kernel died, or did not answer within `timeout` seconds.
    """
    death = asyncio.wrap_future(kernel.provisioner.death)
    answering = asyncio.ensure_future(_answer(kernel.client))
    try:
        either: set[asyncio.Future[Any]] = {death, answering}
        await asyncio.wait(either, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            await answering
        elif death.done():
            raise SandboxUnavailable(f"the kernel died before it answered: {death.result().text}")
        else:
            raise SandboxUnavailable(f"the kernel in the container did not answer within {timeout:g} s")
    finally:
        answering.cancel()
        await asyncio.wait({answering})


async def _answer(client: AsyncKernelClient) -> None:
    """Ask who it is until both the answer and its status on iopub came: a subscription may begin late."""
    while True:
        asked = client.kernel_info()
        while (await client.get_shell_msg())["parent_header"].get("msg_id") != asked:
            pass
        try:
            async with asyncio.timeout(0.2):
                while True:
                    message = await client.get_iopub_msg()
                    if message["parent_header"].get("msg_id") == asked and _is_idle(message):
                        return
        except TimeoutError:
            continue


def _is_idle(message: dict[str, object]) -> bool:
    content = message.get("content")
    return isinstance(content, dict) and content.get("execution_state") == "idle"


class WarmKernels:
    """Keeps kernels ready, for each kind of container that was asked for.

    Made and used on one event loop, whose owner awaits `close`; what is left at the end of the process dies with it.

    Args:
        size: how many to keep ready of each kind.
    """

    def __init__(self, size: int = 1) -> None:
        self.size = size
        self._ready: dict[ContainerOptions, deque[ReadyKernel]] = {}
        self._filling: dict[ContainerOptions, asyncio.Task[None]] = {}
        self._closed = False
        self.problem: str = ""
        """Why the latest start in the background failed; `take` then starts one itself, and says it aloud."""

    def prepare(self, options: ContainerOptions | None = None) -> None:
        """Start to have kernels for these options ready; returns at once."""
        options = options or ContainerOptions()
        filling = self._filling.get(options)
        if not self._closed and (filling is None or filling.done()):
            self._filling[options] = asyncio.create_task(self._fill(options), name="nbagents: warm kernels")

    async def filled(self, options: ContainerOptions | None = None) -> None:
        """Wait until what `prepare` began is done: kernels are ready, or `problem` says why not."""
        filling = self._filling.get(options or ContainerOptions())
        if filling is not None:
            await asyncio.wait({filling})

    async def take(self, options: ContainerOptions | None = None) -> ReadyKernel:
        """A kernel that nobody else has or will have; one that is ready if there is any, and another is started.

        Raises:
            SandboxUnavailable: none is ready and none can be started.
        """
        options = options or ContainerOptions()
        ready = self._ready.setdefault(options, deque())
        while ready:
            kernel = ready.popleft()
            if kernel.alive:
                self.prepare(options)
                return kernel
            await kernel.close()
        filling = self._filling.get(options)
        if filling is not None and not filling.done():
            await asyncio.wait({filling})  # it started earlier than one that would start now
            if ready:
                return await self.take(options)
        kernel = await start_kernel(options)
        self.prepare(options)
        return kernel

    def count(self, options: ContainerOptions | None = None) -> int:
        """How many are ready now."""
        return sum(kernel.alive for kernel in self._ready.get(options or ContainerOptions(), ()))

    async def close(self) -> None:
        """End all that are ready or starting."""
        self._closed = True
        for filling in self._filling.values():
            filling.cancel()
        await asyncio.gather(*self._filling.values(), return_exceptions=True)
        kernels = [kernel for ready in self._ready.values() for kernel in ready]
        self._ready.clear()
        await asyncio.gather(*(kernel.close() for kernel in kernels))

    async def _fill(self, options: ContainerOptions) -> None:
        ready = self._ready.setdefault(options, deque())
        for dead in [kernel for kernel in ready if not kernel.alive]:
            ready.remove(dead)
            await dead.close()
        while len(ready) < self.size:
            try:
                ready.append(await start_kernel(options))
            except Exception as error:  # whatever it is, who takes one comes upon it too
                self.problem = str(error) or type(error).__name__
                _log.info("no kernel could be made ready: %s", error)
                return
            self.problem = ""
