"""`DockerKernelProvisioner`: jupyter_client's way to start, interrupt, restart and stop a kernel, for a container.

With it `AsyncKernelManager`, clients, heartbeat and restart are Jupyter's own, unmodified; also for a kernelspec of the
user's whose metadata names the provisioner ``nbagents-docker``. What Jupyter does not have is to know at once that a
kernel is gone, and why: that is `death`. The environment that jupyter_client offers, a copy of this process's, is never
used.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from concurrent.futures import Future
from typing import Any, cast

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Dict, Instance, Union

from ..own_process import OwnDirectory
from .container import KernelContainer
from .container_spec import ContainerOptions
from .death import ContainerDeath
from .engine import connect
from .launch import launched

LONGEST_SOCKET_PATH = 100  # 107 characters on Linux, 103 on macOS


class DockerKernelProvisioner(KernelProvisionerBase):
    """Starts a kernel in a hardened container.

    `options` are `ContainerOptions`, or in a kernelspec's JSON their fields. `death` is resolved when the container of
    the latest start is gone, at most a second after; `asyncio.wrap_future(provisioner.death)` awaits it.
    """

    options = Union([Instance(ContainerOptions), Dict()], default_value=ContainerOptions())

    death: Future[ContainerDeath]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.death = Future()
        self.container: KernelContainer | None = None
        self._directory: OwnDirectory | None = None

    @property
    def has_process(self) -> bool:
        return self.container is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Nothing of `kwargs` is passed on: its env is the host's, and the command is the supervisor's."""
        return {"cmd": []}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start a container and the kernel in it; returns where its channels are.

        Raises:
            SandboxUnavailable: no engine, no image, the engine refused, or there is no kernel in the image.
        """
        directory = self._directory or _private_directory()  # kept over a restart, so that clients connect again
        assert self.parent is not None  # jupyter_client makes none without its manager
        session = self.parent.session

        def make() -> KernelContainer:
            options, key = _options(self.options), session.key.decode()
            try:
                return KernelContainer(options, directory.path, key, session.signature_scheme)
            except BaseException:
                directory.remove()
                raise

        def discard(container: KernelContainer) -> None:
            container.close()
            directory.remove()

        self._directory = None  # whoever makes or discards the container cleans up
        container = await launched(make, discard, lambda: connect().close())
        self._directory = directory
        assert container.relay is not None and container.watch is not None  # it has started
        self.container, self.death = container, container.watch.death
        where = container.relay.connection_info()
        info = {**where, "key": session.key, "signature_scheme": session.signature_scheme}
        self.connection_info = cast(KernelConnectionInfo, info)
        return self.connection_info

    async def poll(self) -> int | None:
        if self.container is None:
            return 0
        return self.death.result().exit_code if self.death.done() else None

    async def wait(self) -> int | None:
        if self.container is None:
            return 0
        death = await asyncio.wrap_future(self.death)
        await self._close()
        return death.exit_code

    async def send_signal(self, signum: int) -> None:
        """SIGINT and SIGTERM go to the kernel and its children; SIGKILL ends the container."""
        if self.container is None or signum == 0:
            return
        if signum == signal.SIGKILL:
            await self._close()
        else:
            self.container.signal(signum)

    async def kill(self, restart: bool = False) -> None:
        await self._close()

    async def terminate(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGTERM)

    async def cleanup(self, restart: bool = False) -> None:
        await self._close()
        if not restart and self._directory is not None:
            self._directory.remove()
            self._directory = None

    async def _close(self) -> None:
        """End the container; done even if the caller is cancelled meanwhile."""
        container, self.container = self.container, None
        if container is not None:
            await asyncio.shield(asyncio.to_thread(container.close))

    async def get_provisioner_info(self) -> dict[str, Any]:
        info: dict[str, Any] = await super().get_provisioner_info()
        info["container"] = self.container.id if self.container is not None else None
        return info

    async def load_provisioner_info(self, provisioner_info: dict[str, Any]) -> None:
        """Refused: the container is attached to the process that started it, and dies with it."""
        raise NotImplementedError("a kernel in a container cannot be taken over by another process: start a new one")


def _options(options: ContainerOptions | dict[str, Any]) -> ContainerOptions:
    return options if isinstance(options, ContainerOptions) else ContainerOptions.from_dict(options)


def _private_directory() -> OwnDirectory:
    """For the sockets: entered by this user alone, with a short name, deleted at the latest when the process ends."""
    for parent in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):
        if parent and len(parent) < LONGEST_SOCKET_PATH - len("/nbagents-12345678/k-5") and os.access(parent, os.W_OK):
            return OwnDirectory(parent)
    return OwnDirectory()
