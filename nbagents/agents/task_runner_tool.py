"""What can run a task, as a tool: the common part of `AgentTool` and `TeamTool`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Protocol

from pydantic import BaseModel

from ..cancellation import CancellationToken
from ..messages import BaseAgentEvent, BaseChatMessage
from ..models.linked import closing
from ..tools import BaseStreamTool
from .task import TaskResult, TaskRunner

Happening = BaseAgentEvent | BaseChatMessage


class TaskRunnerToolArgs(BaseModel):
    """What the model says when it calls the tool."""

    task: str


class Remembering(TaskRunner, Protocol):
    """An agent or a team, with what it remembers."""

    async def save_state(self) -> Mapping[str, Any]:
        """What it remembers, as JSON."""

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Take it back."""


class TaskRunnerTool(BaseStreamTool[TaskRunnerToolArgs, Happening, TaskResult]):
    """Hands a task to an agent or a team; what they say and do is streamed through the caller.

    They remember earlier calls. Calls that come at once are worked on one after the other.

    Args:
        task_runner: who works on the task.
        name: what the model calls.
        description: what it is for, as the model reads it.
        return_value_as_last_message: the model is told the last message only, not the whole conversation.
    """

    def __init__(
        self, task_runner: Remembering, name: str, description: str, return_value_as_last_message: bool = False
    ) -> None:
        super().__init__(TaskRunnerToolArgs, TaskResult, name, description, strict=True)
        self._task_runner = task_runner
        self._return_value_as_last_message = return_value_as_last_message
        self._one_at_a_time = asyncio.Lock()

    async def run(self, args: TaskRunnerToolArgs, cancellation_token: CancellationToken) -> TaskResult:
        async with self._one_at_a_time:
            return await self._task_runner.run(task=args.task, cancellation_token=cancellation_token)

    async def run_stream(
        self, args: TaskRunnerToolArgs, cancellation_token: CancellationToken
    ) -> AsyncGenerator[Happening | TaskResult, None]:
        async with self._one_at_a_time:
            stream = self._task_runner.run_stream(task=args.task, cancellation_token=cancellation_token)
            async with closing(stream):
                async for item in stream:
                    yield item

    def return_value_as_string(self, value: TaskResult) -> str:
        """What was said, as the model that called the tool reads it.

        Raises:
            ValueError: the last message is wanted, and it is none that was said.
        """
        if self._return_value_as_last_message:
            if not value.messages or not isinstance(last := value.messages[-1], BaseChatMessage):
                raise ValueError("The last message is not a BaseChatMessage.")
            return last.to_model_text()
        said = [message for message in value.messages if isinstance(message, BaseChatMessage)]
        return "\n\n".join(
            f"{message.source}: {message.to_model_text()}" for message in said if message.source != "user"
        )

    async def save_state_json(self) -> Mapping[str, Any]:
        """What the agent or team remembers."""
        return await self._task_runner.save_state()

    async def load_state_json(self, state: Mapping[str, Any]) -> None:
        """Take it back."""
        await self._task_runner.load_state(state)
