"""What a run of an agent or a team takes and gives back: AutoGen's run contract."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from ..cancellation import CancellationToken
from ..messages import BaseAgentEvent, BaseChatMessage, TextMessage
from ..runtime.usage import Usage

Task = str | BaseChatMessage | Sequence[BaseChatMessage] | None
"""A text (said by "user"), a message, several, or None to go on from where the last run ended."""


class TaskResult(BaseModel):
    """How a run ended: the task's messages and all that came of them, streaming chunks left out."""

    model_config = ConfigDict(defer_build=True)  # made ready at its first use: importing a team stays quick

    messages: Sequence[SerializeAsAny[BaseAgentEvent | BaseChatMessage]]
    stop_reason: str | None = None
    usage: Usage = Field(default_factory=Usage, repr=False)
    """Model calls and tokens of this run, per agent and per model, those of inner runs and selectors included."""


@dataclass(kw_only=True)
class Response:
    """What an agent answers in one turn, with what happened on the way."""

    chat_message: SerializeAsAny[BaseChatMessage]
    inner_messages: Sequence[SerializeAsAny[BaseAgentEvent | BaseChatMessage]] | None = None


class TaskRunner(Protocol):
    """What works on tasks: an agent, a team, or something of the user's own."""

    async def run(
        self,
        *,
        task: Task = None,
        cancellation_token: CancellationToken | None = None,
        output_task_messages: bool = True,
    ) -> TaskResult:
        """Work on a task to the end."""

    def run_stream(
        self,
        *,
        task: Task = None,
        cancellation_token: CancellationToken | None = None,
        output_task_messages: bool = True,
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | TaskResult, None]:
        """As `run`, but yields what happens and the result last."""


def said_by(agent: str, said: Any) -> BaseAgentEvent | BaseChatMessage:
    """What an agent said, if it is something that can be said.

    Raises:
        ValueError: it is not; the agent's code is at fault.
    """
    if not isinstance(said, BaseAgentEvent | BaseChatMessage):
        raise ValueError(f"{agent} said {said!r}: expected a message or an event, as nbagents.messages has them")
    return said


def no_response(agent: str) -> ValueError:
    """An agent's turn ended without an answer: its code is at fault."""
    return ValueError(
        f"{agent} did not produce a final response: its on_messages_stream must end with a Response, and on_messages "
        "must return one"
    )


def task_messages(task: Any) -> list[BaseChatMessage]:
    """The messages that `task` stands for.

    Raises:
        ValueError: an empty list, or something that is no message.
    """
    if task is None:
        return []
    if isinstance(task, str):
        return [TextMessage(content=task, source="user")]
    if isinstance(task, BaseChatMessage):
        return [task]
    if not isinstance(task, list | tuple):
        raise ValueError("Task must be a string, a BaseChatMessage, or a list of BaseChatMessage.")
    if not task:
        raise ValueError("Task list cannot be empty.")
    for message in task:
        if not isinstance(message, BaseChatMessage):
            raise ValueError(
                f"All messages in task list must be valid BaseChatMessage types, not {type(message).__name__}"
            )
    return list(task)


def agent_task_messages(task: Any) -> list[BaseChatMessage]:
    """As `task_messages`, for an agent by itself: it takes any sequence, where a team takes lists only."""
    if isinstance(task, Sequence) and not isinstance(task, str):
        for message in task:
            if not isinstance(message, BaseChatMessage):
                raise ValueError(
                    f"Invalid message type in sequence: {type(message)}: a task is made of BaseChatMessage"
                )
        return task_messages(list(task))
    return task_messages(task)
