"""Where code runs in a container: a Jupyter kernel behind the container's own stdin and stdout.

container_spec  what a container may do: hardened, and what is loosened is named
engine, image   the Docker Engine, and the image that is built on it
provisioner     jupyter_client's way to start, interrupt and stop a kernel, for containers
frames, mux     what goes over stdin and stdout, at both ends
launch          a start in a thread, whose outcome is thrown away where nobody waits for it
relay           the host's end: the kernel's five sockets
supervisor      the container's end: its main process
pool, reaper    kernels that are ready before they are needed, and containers that nobody owns any more
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .container_spec import ContainerOptions, Mount
    from .death import ContainerDeath
    from .kernelspec import docker_kernel_manager
    from .pool import ReadyKernel, WarmKernels, start_kernel
    from .provisioner import DockerKernelProvisioner

_FILES = {
    "ContainerDeath": "death",
    "ContainerOptions": "container_spec",
    "DockerKernelProvisioner": "provisioner",
    "Mount": "container_spec",
    "ReadyKernel": "pool",
    "WarmKernels": "pool",
    "docker_kernel_manager": "kernelspec",
    "start_kernel": "pool",
}
__all__ = [
    "ContainerDeath",
    "ContainerOptions",
    "DockerKernelProvisioner",
    "Mount",
    "ReadyKernel",
    "WarmKernels",
    "docker_kernel_manager",
    "start_kernel",
]


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_FILES[name]}", __name__), name)
