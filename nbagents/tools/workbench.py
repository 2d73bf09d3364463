"""A workbench: tools that belong together, with what they share (a server, a session, a state).

Names and signatures are those of AutoGen's ``autogen_core.tools.Workbench``. `requires_approval` is ours.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from types import TracebackType
from typing import Any, Self

from pydantic import BaseModel

from ..cancellation import CancellationToken
from ..component import ComponentBase
from .results import ToolResult
from .schema import ToolSchema


class Workbench(ABC, ComponentBase[BaseModel]):
    """Tools whose list may change while they are used. Use it with ``async with``, or `start` and `stop` it."""

    component_type = "workbench"

    @abstractmethod
    async def list_tools(self) -> list[ToolSchema]:
        """The tools that can be called now."""

    @abstractmethod
    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        call_id: str | None = None,
    ) -> ToolResult:
        """Call one tool. What goes wrong in it is a result with `is_error`, for the model to read."""

    def requires_approval(self, name: str) -> bool:
        """True when a person must agree to each call of this tool."""
        return False

    async def start(self) -> None:
        """Get ready: connect, open. Calling it again does nothing."""
        return None

    async def stop(self) -> None:
        """Give back what `start` took. Calling it again does nothing."""
        return None

    async def reset(self) -> None:
        """Begin anew."""
        return None

    async def save_state(self) -> Mapping[str, Any]:
        """What the tools remember, as JSON."""
        return {}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `save_state` saved."""
        return None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()


class StreamWorkbench(Workbench, ABC):
    """A workbench whose tools may tell what they do on the way."""

    @abstractmethod
    def call_tool_stream(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        call_id: str | None = None,
    ) -> AsyncGenerator[Any | ToolResult, None]:
        """As `call_tool`, but yields what happens on the way, and the `ToolResult` last."""
