"""The port to where code runs: `CodeExecutor`, with the names of AutoGen's ``autogen_core.code_executor``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType

from pydantic import BaseModel

from ..cancellation import CancellationToken
from ..code import CodeBlock, CodeResult
from ..component import ComponentBase


def target_of(executor: object) -> str:
    """Where an executor runs, as its user names it; one of the user's own making need not say."""
    target = getattr(executor, "target", "")
    return target if isinstance(target, str) else ""


class CodeExecutor(ABC, ComponentBase[BaseModel]):
    """Runs code blocks somewhere, one call at a time; state lasts from call to call where the place has any."""

    component_type = "code_executor"

    target: str = ""
    """Where it runs, as the user names it: "live", "docker"."""

    @abstractmethod
    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> CodeResult:
        """Run the blocks in order, up to the first that fails.

        A block that raises is a result with `exit_code` 1, not an exception. Cancelling the token or the
        awaiting task interrupts the code; what it had shown goes along with the error (`stopped_code`).
        """

    async def start(self) -> None:
        """Make it ready; called once before the first block."""
        return None

    async def stop(self) -> None:
        """Give back what it holds."""
        return None

    async def restart(self) -> None:
        """Forget all state of the code run so far."""
        return None

    async def __aenter__(self) -> CodeExecutor:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()
