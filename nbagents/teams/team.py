"""`Team`: what can converse about a task and be a participant of another team. Name and contract are AutoGen's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from pydantic import BaseModel

from ..agents.task import Task, TaskResult
from ..cancellation import CancellationToken
from ..component import ComponentBase
from ..messages import BaseAgentEvent, BaseChatMessage


class Team(ABC, ComponentBase[BaseModel]):
    """A group that converses about tasks, and remembers its conversation between runs."""

    component_type = "team"

    @property
    @abstractmethod
    def name(self) -> str:
        """What the team is called."""

    @property
    @abstractmethod
    def description(self) -> str:
        """What the team is for."""

    @abstractmethod
    async def run(
        self,
        *,
        task: Task = None,
        cancellation_token: CancellationToken | None = None,
        output_task_messages: bool = True,
    ) -> TaskResult:
        """Converse about `task` to the end."""

    @abstractmethod
    def run_stream(
        self,
        *,
        task: Task = None,
        cancellation_token: CancellationToken | None = None,
        output_task_messages: bool = True,
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | TaskResult, None]:
        """As `run`, but yields every message and event as it comes and the `TaskResult` last."""

    @abstractmethod
    async def reset(self) -> None:
        """Forget the conversation."""

    def turn_complete(self) -> None:
        """As a part of another team: its turn there is complete, and will not be taken again."""
        return None

    @abstractmethod
    async def pause(self) -> None:
        """Hold the run that is going on."""

    @abstractmethod
    async def resume(self) -> None:
        """Let a held run go on."""

    @abstractmethod
    async def save_state(self) -> Mapping[str, Any]:
        """The conversation as JSON."""

    @abstractmethod
    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back a state that `save_state` gave."""
