"""`AgentSandbox`: the container of one agent in one run, with copies of the data that ``--use`` names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..cancellation import CancellationToken
from ..code import CodeBlock, CodeResult
from ..executors.docker.container_spec import ContainerOptions
from ..executors.docker_kernel import DockerKernelExecutor
from ..executors.kernel_connection import KernelConnection


class AgentSandbox(DockerKernelExecutor):
    """Runs the blocks of one agent. A container that takes the place of one that died gets the data again.

    Args:
        options: what the container may do.
        use: the variables that are there when a block runs, by name.
        timeout: seconds that one block may take; None for any.

    Attributes:
        made: the variables that blocks created or bound anew and have not deleted, in that order.
    """

    component_provider_override = "nbagents.executors.docker_kernel.DockerKernelExecutor"

    def __init__(self, options: ContainerOptions, use: Mapping[str, Any], timeout: float | None) -> None:
        super().__init__(options, timeout=timeout)
        self.made: dict[str, None] = {}
        self._use, self._without_data = dict(use), False

    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> CodeResult:
        """Run the blocks in order, up to the first that fails; what was to be used is there before the first."""
        if not cancellation_token.is_cancelled():
            await self.start()
            if self._without_data:
                await self.put(self._use)
                self._without_data = False
        result = await super().execute_code_blocks(code_blocks, cancellation_token)
        if result.names is not None:
            self.made |= dict.fromkeys([*result.names.created, *result.names.rebound])
            for name in result.names.deleted:
                self.made.pop(name, None)
        return result

    async def _connect(self) -> KernelConnection:
        kernel = await super()._connect()
        self._without_data = bool(self._use)
        self.made.clear()
        return kernel
