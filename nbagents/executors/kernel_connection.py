"""The way to one kernel: messages there and back, interrupt, end, and the news of its death.

`KernelConnection` is the port; behind it is a kernel of `jupyter_client` (here) or of a Jupyter server elsewhere
(`gateway`). All of it lives on the I/O thread. No client of Jupyter's notices by itself that a kernel is gone; `death`
is a future that does, from the process or container itself and not by asking again and again.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import zmq.asyncio
    from jupyter_client.asynchronous.client import AsyncKernelClient
    from jupyter_client.manager import AsyncKernelManager

Message = dict[str, Any]
Receive = Callable[[str, Message, int], None]
"""Takes the channel, the message, and how many bytes it was."""

LARGEST_MESSAGE = 24 * 2**20
"""Bytes. ZeroMQ drops the connection of who sends more, before it takes memory for it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KernelDeath:
    """How a kernel ended: its exit code, and the same for people."""

    exit_code: int
    text: str


class KernelConnection(Protocol):
    """One kernel that runs."""

    language: str
    death: asyncio.Future[KernelDeath]

    async def open(self, receive: Receive) -> None:
        """Connect; from now on `receive` is called with each message."""
        ...

    def send(self, channel: str, kind: str, content: dict[str, Any]) -> str:
        """Send a message on "shell" or "stdin"; returns its id."""
        ...

    async def reconnect(self) -> None:
        """Connect anew, after messages got lost: ZeroMQ does not come back to who sent too large a one."""
        ...

    async def interrupt(self) -> None:
        """What Ctrl-C does."""
        ...

    async def close(self) -> None:
        """End the kernel, at once, and let go of it; does nothing for one that is closed."""
        ...


@cache
def bounded_context() -> zmq.asyncio.Context:
    """ZeroMQ's context for the I/O thread, whose sockets take no message above `LARGEST_MESSAGE`."""
    import zmq
    import zmq.asyncio

    context = zmq.asyncio.Context()
    context.setsockopt(zmq.MAXMSGSIZE, LARGEST_MESSAGE)
    context.setsockopt(zmq.LINGER, 0)
    return context


class ManagedKernel:
    """A kernel that a manager of `jupyter_client` started.

    Args:
        manager: has started the kernel.
        client: is connected to it, with `bounded_context`; one is made if None.
    """

    def __init__(self, manager: AsyncKernelManager, client: AsyncKernelClient | None = None) -> None:
        self._manager = manager
        self._client = client
        self._receive: Receive | None = None
        self._reading: list[asyncio.Task[None]] = []
        self._watching: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self.language = manager.kernel_spec.language.lower() if manager.kernel_spec else ""
        self.death: asyncio.Future[KernelDeath] = asyncio.get_running_loop().create_future()

    async def open(self, receive: Receive) -> None:
        """Connect; from now on `receive` is called with each message."""
        self._receive = receive
        self._connect(self._client)
        self._watching = asyncio.create_task(self._watch())

    def _connect(self, client: AsyncKernelClient | None) -> None:
        if client is None:
            client = self._manager.client(context=bounded_context())
            client.start_channels(hb=False, control=False)
        self._client = client
        channels = {"iopub": client.iopub_channel, "shell": client.shell_channel, "stdin": client.stdin_channel}
        self._reading = [asyncio.create_task(self._read(name, channel.socket)) for name, channel in channels.items()]

    async def reconnect(self) -> None:
        """Connect anew, after messages got lost."""
        await self._disconnect()
        self._connect(None)

    async def _disconnect(self) -> None:
        for task in self._reading:
            task.cancel()
        if self._reading:
            await asyncio.wait(self._reading)
        if self._client is not None:
            self._client.stop_channels()

    def send(self, channel: str, kind: str, content: dict[str, Any]) -> str:
        """Send a message on "shell" or "stdin"; returns its id."""
        if self._client is None:
            raise RuntimeError("the kernel is not connected")
        message = self._client.session.msg(kind, content)
        (self._client.shell_channel if channel == "shell" else self._client.stdin_channel).send(message)
        return str(message["header"]["msg_id"])

    async def interrupt(self) -> None:
        """What Ctrl-C does."""
        if not self.death.done():
            await self._manager.interrupt_kernel()

    async def close(self) -> None:
        """End the kernel, at once, and let go of it."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        await self._disconnect()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        if not self.death.done():
            self.death.set_result(KernelDeath(1, "the kernel was stopped"))
        elif self._manager.provisioner is not None:
            await self._manager.provisioner.wait()  # there is nobody to interrupt
        await self._manager.shutdown_kernel(now=True)

    async def _read(self, name: str, socket: Any) -> None:
        session, receive = self._manager.session, self._receive
        assert receive is not None  # it is open
        while True:
            parts = await socket.recv_multipart()
            try:
                message = session.deserialize(session.feed_identities(parts)[1])
            except Exception as error:  # whatever is wrong with it: code in the kernel may have sent it
                _log.debug("a message on %s was dropped: %s", name, error)
            else:
                receive(name, message, sum(map(len, parts)))
            # A socket that always has one more is not waited for, and deadlines would never fire.
            await asyncio.sleep(0)

    async def _watch(self) -> None:
        provisioner: Any = self._manager.provisioner
        told = getattr(provisioner, "death", None)
        process = getattr(provisioner, "process", None)
        if told is not None:  # a container's: it knows the reason
            ended = await asyncio.shield(asyncio.wrap_future(told))  # it is the provisioner's: not ours to cancel
            death = KernelDeath(ended.exit_code, ended.text)
        elif process is not None:
            death = _death_of_process(await _exit_code(process))
        else:
            code = await provisioner.wait()
            death = KernelDeath(code or 1, "the kernel ended")
        if not self.death.done():
            self.death.set_result(death)


async def _exit_code(process: Any) -> int:
    """Wait in a thread: jupyter_client's own `wait` looks every 0.1 s, and lets go of the process."""
    loop = asyncio.get_running_loop()
    code: asyncio.Future[int] = loop.create_future()

    def set_code(found: int) -> None:
        if not code.done():
            code.set_result(found)

    def wait() -> None:
        found = process.wait()
        with suppress(RuntimeError):  # the loop is closed: nobody wants to know any more
            loop.call_soon_threadsafe(set_code, found)

    threading.Thread(target=wait, name="nbagents kernel exit", daemon=True).start()
    return await code


def _death_of_process(code: int) -> KernelDeath:
    if code >= 0:
        return KernelDeath(code, f"the kernel exited with code {code}")
    name = signal.Signals(-code).name if -code in {*signal.Signals} else f"signal {-code}"
    hint = ", as it is where memory runs out" if -code == signal.SIGKILL else ""
    return KernelDeath(128 - code, f"the kernel was killed ({name}){hint}")
