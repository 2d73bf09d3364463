"""Where the agents of one run have their code run: the live kernel for all, a container for each of them.

A container starts with its agent's first block, gets the data that ``--use`` names before it, and ends with the run,
however that ends. What its blocks made is brought out first: a result is worth nothing in a container that is gone.
A run that its budget paused keeps its containers; one that ended otherwise and is resumed gets new ones, in which the
blocks that had run are run once more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import TransferError
from ..executors import CodeExecutor
from ..executors.docker.container_spec import ContainerOptions
from ..executors.kernel_data import encoded
from ..kernel.live_code import LiveKernelExecutor

if TYPE_CHECKING:
    from .sandbox import AgentSandbox

_log = logging.getLogger(__name__)

BRING_SECONDS = 30.0
"""So long the results of a run may take to be brought out of its containers."""


@dataclass(frozen=True, slots=True)
class Brought:
    """A result that came out of a container, or why it did not."""

    agent: str
    value: Any = None
    problem: str = ""


class Workplaces:
    """The executors of one run.

    Args:
        use: the variables that agents work with; copied into each container.
        timeout: seconds that one block may take; None for any.

    Attributes:
        brought: what was brought out of the containers when the run ended, by name.
    """

    def __init__(self, use: Mapping[str, Any], timeout: float | None) -> None:
        self._use, self._timeout = dict(use), timeout
        self._live: LiveKernelExecutor | None = None
        self._sandboxes: dict[str, AgentSandbox] = {}
        self.brought: dict[str, Brought] = {}

    @property
    def live(self) -> LiveKernelExecutor | None:
        """The executor of live blocks, with what it takes to undo them; None when no agent's code runs live."""
        return self._live

    def executor(self, agent: str, target: str, options: ContainerOptions) -> CodeExecutor:
        """Where the code of `agent` runs; `target` is "live" or "docker".

        Raises:
            TransferError: a variable that is to be used cannot be copied into a container.
        """
        if target == "live":
            self._live = self._live or LiveKernelExecutor(timeout=self._timeout)
            return self._live
        from .sandbox import AgentSandbox

        if not self._sandboxes:
            for name, value in self._use.items():  # says now what would fail in the middle of a run
                encoded(name, value)
        self._sandboxes[agent] = AgentSandbox(options, self._use, self._timeout)
        return self._sandboxes[agent]

    async def prepare(self) -> None:
        """Begin to make containers ready, while the models think; returns at once."""
        if self._sandboxes:
            from ..executors.docker_kernel import warm_up

            for sandbox in self._sandboxes.values():
                await warm_up(sandbox.options)

    def blocks_to_run_again(self) -> dict[str, int]:
        """How many blocks of which agents are run once more, because their containers have ended with the run."""
        return {agent: sandbox.lost for agent, sandbox in self._sandboxes.items() if sandbox.lost}

    async def bring(self) -> None:
        """Bring out the results; the containers stay, for a run that goes on."""
        await self._bring()

    async def close(self) -> None:
        """Bring out the results, unless the run is being stopped, and end the containers.

        Stop may come while it does so: then the results stay where they are, and the containers end all the same.
        """
        task = asyncio.current_task()
        bringing = asyncio.ensure_future(self._bring())
        if task is not None and task.cancelling():
            bringing.cancel()
        await _ended(bringing, bringing.cancel)
        stopping = asyncio.gather(*(sandbox.stop() for sandbox in self._sandboxes.values()), return_exceptions=True)
        await _ended(stopping, lambda: None)
        for error in stopping.result():
            if error is not None:
                _log.warning("a container did not end as it should: %s", error)

    async def _bring(self) -> None:
        try:
            async with asyncio.timeout(BRING_SECONDS):
                for agent, sandbox in self._sandboxes.items():
                    for name in sandbox.made:
                        self.brought[name] = await _brought(agent, sandbox, name)
        except TimeoutError:
            for agent, sandbox in self._sandboxes.items():
                for name in sandbox.made:
                    problem = f"the results took more than {BRING_SECONDS:g} s to come"
                    self.brought.setdefault(name, Brought(agent, problem=problem))


async def _ended(work: asyncio.Future[Any], on_cancel: Callable[[], object]) -> None:
    """Wait for the end of `work`; a cancellation of the caller meanwhile goes no further than `on_cancel`."""
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            on_cancel()


async def _brought(agent: str, sandbox: AgentSandbox, name: str) -> Brought:
    try:
        return Brought(agent, await sandbox.get(name))
    except TransferError as error:
        return Brought(agent, problem=str(error))
    except Exception as error:  # the container is gone, or what came out is hostile: the run has to end all the same
        return Brought(agent, problem=f"{name!r} could not be brought out of {agent}'s container: {error}")
