"""`DockerKernelExecutor`: blocks in a Jupyter kernel in a hardened container, one for each executor.

A container is kept warm for the next executor that asks for one like it, so that its first block answers at once; it is
handed out once and never shared. A block that had to be killed, or a container that died, is followed by a new
container.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field

from ..component import Component, ComponentConfig
from ..io_thread import performed_there
from .docker.container_spec import ContainerOptions
from .kernel_connection import KernelConnection, ManagedKernel
from .kernel_executor import DATA_LIMIT, KernelExecutor
from .kernel_input import Ask
from .kernel_limits import KernelLimits

if TYPE_CHECKING:
    from .docker.pool import WarmKernels

_warm: WarmKernels | None = None


class DockerKernelExecutorConfig(ComponentConfig):
    """Which container, and how long a block may take; a timeout of 0 is any."""

    options: dict[str, Any] = Field(default_factory=dict)
    timeout: float = 60
    warm: bool = True
    data_limit: int = DATA_LIMIT


class DockerKernelExecutor(KernelExecutor, Component[DockerKernelExecutorConfig]):
    """Runs blocks in a container: no network, no capability, read-only root, bounded memory, nothing of the host's.

    For example::

        async with DockerKernelExecutor(memory="1g", timeout=30) as executor:
            await executor.put({"df": df})
            result = await executor.execute_code_blocks([CodeBlock(code="df.describe()", language="python")], token)

    Args:
        options: what the container may do; hardened where it does not say otherwise.
        timeout: seconds that one block may take; None for any.
        warm: keep one more container ready for the next executor with the same options.
        limits: how much a block may say, and how long things may take.
        data_limit: bytes that one value or file may have that crosses.
        ask: answers `input()` in a block; without it `input()` is an error of the block.
        **loosening: single fields of `ContainerOptions`, such as image, memory, network.
    """

    component_config_schema = DockerKernelExecutorConfig
    target = "docker"

    def __init__(
        self,
        options: ContainerOptions | None = None,
        *,
        timeout: float | None = 60,
        warm: bool = True,
        limits: KernelLimits | None = None,
        data_limit: int = DATA_LIMIT,
        ask: Ask | None = None,
        **loosening: Any,
    ) -> None:
        super().__init__(timeout=timeout, limits=limits, data_limit=data_limit, ask=ask)
        checked = ContainerOptions.from_dict(loosening)
        self.options = replace(options, **{name: getattr(checked, name) for name in loosening}) if options else checked
        self._keep_warm = warm

    @property
    def loosened(self) -> list[str]:
        """What code may do here beyond the hardened default, a plain sentence each; a run shows them."""
        return self.options.loosened

    async def _connect(self) -> KernelConnection:
        from .docker.pool import start_kernel

        kernel = await (_warm_kernels().take(self.options) if self._keep_warm else start_kernel(self.options))
        return ManagedKernel(kernel.manager, kernel.client)

    def _to_config(self) -> DockerKernelExecutorConfig:
        usual = asdict(ContainerOptions())
        options = {name: value for name, value in asdict(self.options).items() if value != usual[name]}
        return DockerKernelExecutorConfig(
            options=options, timeout=self.timeout or 0, warm=self._keep_warm, data_limit=self._data_limit
        )

    @classmethod
    def _from_config(cls, config: DockerKernelExecutorConfig) -> Self:
        return cls(
            ContainerOptions.from_dict(config.options),
            timeout=config.timeout or None,
            warm=config.warm,
            data_limit=config.data_limit,
        )


async def warm_up(options: ContainerOptions | None = None) -> None:
    """Begin to make a container ready; returns at once. What goes wrong is told by the first block."""

    async def prepare() -> None:
        _warm_kernels().prepare(options)

    await performed_there(prepare, ends_within=None)


async def warm_count(options: ContainerOptions | None = None) -> int:
    """How many containers like this are ready."""

    async def count() -> int:
        return _warm.count(options) if _warm is not None else 0

    return await performed_there(count, ends_within=None)


async def close_warm() -> None:
    """End the containers that are kept ready; the next executor begins anew. They end with the process anyhow."""
    global _warm
    warm, _warm = _warm, None
    if warm is not None:
        await performed_there(warm.close, ends_within=None)


def _warm_kernels() -> WarmKernels:
    """The process's own, on the I/O thread."""
    global _warm
    if _warm is None:
        from .docker.pool import WarmKernels

        _warm = WarmKernels()
    return _warm
