"""`ChatAgent`: what a team and its tools ask of an agent. Name and methods are AutoGen's.

`BaseChatAgent` answers most of it; an agent that is made of something else can answer all of it itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from ..cancellation import CancellationToken
from ..component import ComponentBase
from ..messages import BaseAgentEvent, BaseChatMessage
from .task import Response, Task, TaskResult


class ChatAgent(ABC, ComponentBase[BaseModel]):
    """Takes part in a conversation and remembers it: callers pass only what is new."""

    component_type = "agent"

    @property
    @abstractmethod
    def name(self) -> str:
        """Unique in a team."""

    @property
    @abstractmethod
    def description(self) -> str:
        """What the agent is for."""

    @property
    @abstractmethod
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        """The classes of chat messages that the agent may answer with."""

    @abstractmethod
    async def on_messages(self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken) -> Response:
        """Answer the messages that are new since the agent last spoke."""

    @abstractmethod
    def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        """As `on_messages`, but yields what happens on the way and the `Response` last."""

    @abstractmethod
    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        """Forget the conversation."""

    @abstractmethod
    async def on_pause(self, cancellation_token: CancellationToken) -> None:
        """The team was paused while the agent may be at work."""

    @abstractmethod
    async def on_resume(self, cancellation_token: CancellationToken) -> None:
        """The team goes on."""

    @abstractmethod
    async def run(
        self,
        *,
        task: Task = None,
        cancellation_token: CancellationToken | None = None,
        output_task_messages: bool = True,
    ) -> TaskResult:
        """Let the agent answer a task by itself."""

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
    async def save_state(self) -> Mapping[str, Any]:
        """The agent's state as JSON."""

    @abstractmethod
    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back a state that `save_state` gave."""

    @abstractmethod
    async def close(self) -> None:
        """Give back what the agent holds."""
