"""A kernel manager for a container, from options alone: no kernelspec is installed and no connection file is written.

So nothing of ours appears in the user's Jupyter directories, and the key of a kernel is in memory only.
"""

from __future__ import annotations

import logging
import uuid
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from ...errors import NBAgentsError
from .container_spec import ContainerOptions
from .provisioner import DockerKernelProvisioner

KERNEL_NAME = "nbagents-docker"
_log = logging.getLogger(__name__)
# jupyter_client logs what it raises, with a traceback; ours are one line, which the caller shows.
_log.addFilter(lambda record: not isinstance(record.msg, NBAgentsError))


class _OneSpec(KernelSpecManager):
    """Knows the container's kernel, and no other."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(
            argv=[],
            display_name="Python 3 (Docker)",
            language="python",
            interrupt_mode="signal",
            metadata={"kernel_provisioner": {"provisioner_name": KERNEL_NAME}},
        )


class _ContainerKernelManager(AsyncKernelManager):
    """Keeps the connection in memory."""

    def write_connection_file(self, **kwargs: Any) -> None:
        """The kernel's own file is inside the container; nobody needs one here."""


def docker_kernel_manager(options: ContainerOptions | None = None) -> AsyncKernelManager:
    """A manager for one kernel in a container, not started; its `provisioner` is a `DockerKernelProvisioner`."""
    manager = _ContainerKernelManager(kernel_name=KERNEL_NAME, kernel_spec_manager=_OneSpec(), log=_log)
    manager.kernel_id = str(uuid.uuid4())
    manager.provisioner = DockerKernelProvisioner(
        parent=manager,
        kernel_id=manager.kernel_id,
        kernel_spec=manager.kernel_spec,
        options=options or ContainerOptions(),
    )
    return manager
