"""`AgentSandbox`: the container of one agent in one run, with copies of the data that ``--use`` names.

When the run has ended, and its container with it, and the run is resumed, a new container is brought to where the old
one was: the blocks that had run there without an error are run once more. They were approved as they stand, for a
container like this one. Where they could change something outside of it, that would be done twice: there they are not
run again, and the agent is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..cancellation import CancellationToken
from ..code import CodeBlock, CodeResult
from ..executors.docker.container_spec import ContainerOptions
from ..executors.docker_kernel import DockerKernelExecutor
from ..executors.kernel_connection import KernelConnection
from ..executors.kernel_limits import KernelLimits

CANCEL_SECONDS = 0.2
"""How long a block may take to stop when its run is: its container ends with the run, so there is nothing to save."""


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
        super().__init__(options, timeout=timeout, limits=KernelLimits(cancel_seconds=CANCEL_SECONDS))
        self.made: dict[str, None] = {}
        self._use, self._without_data = dict(use), False
        self._ran: list[CodeBlock] = []
        self._ended = False

    @property
    def lost(self) -> int:
        """How many blocks are run once more before the next one."""
        return len(self._ran) if self._ended and not _reaches_out(self.options) else 0

    async def stop(self) -> None:
        """End the container with the run."""
        await super().stop()
        self._ended = True

    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> CodeResult:
        """Run the blocks in order, up to the first that fails; what was to be used is there before the first."""
        if not cancellation_token.is_cancelled():
            await self.start()
            if self._without_data:
                await self.put(self._use)
                self._without_data = False
            again, self._ended = self._ran if self._ended else [], False
            if again and (problem := await self._run_again(again, cancellation_token)):
                return _told_first(problem, await self._run(code_blocks, cancellation_token))
        return await self._run(code_blocks, cancellation_token)

    async def _run_again(self, blocks: list[CodeBlock], token: CancellationToken) -> str:
        """Run these blocks, up to the first that fails; returns what is to be said about that."""
        self._ran = []
        if _reaches_out(self.options):
            return (
                f"This container is new. What ran in the old one before ({len(blocks)} of your blocks) was not run "
                "again, because code here can change things outside: make anew what you need of it.\n"
            )
        for number, block in enumerate(blocks, 1):
            try:
                result = await self._run([block], token)
            except BaseException:
                self._ran = blocks  # stopped on the way: the next container needs all of them
                raise
            if result.exit_code:
                why = (result.output.strip().splitlines() or ["it said nothing"])[-1]
                return f"This container is new. Of {len(blocks)} earlier blocks, number {number} failed in it: {why}\n"
        return ""

    async def _run(self, code_blocks: list[CodeBlock], token: CancellationToken) -> CodeResult:
        result = await super().execute_code_blocks(code_blocks, token)
        if result.exit_code == 0:
            self._ran += code_blocks
        if result.names is not None:
            self.made |= dict.fromkeys([*result.names.created, *result.names.rebound])
            for name in result.names.deleted:
                self.made.pop(name, None)
        return result

    async def _connect(self) -> KernelConnection:
        kernel = await super()._connect()
        self._without_data = bool(self._use)
        self.made.clear()
        if not self._ended:  # it died, and its blocks may be why
            self._ran.clear()
        return kernel


def _reaches_out(options: ContainerOptions) -> bool:
    """Whether what code does in such a container may outlast it."""
    changes = any(not mount.read_only for mount in options.mounts)
    return options.network != "none" or changes or bool(options.devices)


def _told_first(text: str, result: CodeResult) -> CodeResult:
    said = {"output_type": "stream", "name": "stderr", "text": text}
    return replace(result, output=text + result.output, outputs=[said, *result.outputs])
