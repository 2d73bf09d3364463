"""`BaseChatAgent`: what users subclass to make an agent of their own. Names and contract are AutoGen's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from pydantic import BaseModel

from ..cancellation import CancellationToken
from ..component import ComponentBase
from ..messages import BaseAgentEvent, BaseChatMessage, ModelClientStreamingChunkEvent
from ..runtime import account, ensured_gate, in_a_run
from ..runtime.spans import turn_span
from ..state import BaseState
from .streaming import Emit, emitted, owned
from .task import Response, Task, TaskResult, task_messages


class BaseChatAgent(ABC, ComponentBase[BaseModel]):
    """Takes part in a conversation and remembers it: callers pass only what is new.

    Args:
        name: a Python identifier, unique in a team.
        description: what the agent is for, as the other agents and a selector read it.

    Raises:
        ValueError: the name is not an identifier.
    """

    component_type = "agent"

    def __init__(self, name: str, description: str) -> None:
        if not name.isidentifier():
            raise ValueError("The agent name must be a valid Python identifier.")
        self._name, self._description = name, description

    @property
    def name(self) -> str:
        """Unique in a team."""
        return self._name

    @property
    def description(self) -> str:
        """What the agent is for."""
        return self._description

    @property
    @abstractmethod
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        """The classes of chat messages that the agent may answer with."""

    @abstractmethod
    async def on_messages(self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken) -> Response:
        """Answer the messages that are new since the agent last spoke."""

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        """As `on_messages`, but yields what happens on the way and the `Response` last."""
        response = await self.on_messages(messages, cancellation_token)
        for message in response.inner_messages or ():
            yield message
        yield response

    @abstractmethod
    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        """Forget the conversation."""

    async def on_pause(self, cancellation_token: CancellationToken) -> None:
        """The team was paused while the agent may be at work; an agent that can hold overrides this."""
        return None

    async def on_resume(self, cancellation_token: CancellationToken) -> None:
        """The team goes on."""
        return None

    async def run(
        self,
        *,
        task: Task = None,
        cancellation_token: CancellationToken | None = None,
        output_task_messages: bool = True,
    ) -> TaskResult:
        """Let the agent answer a task by itself.

        Args:
            task: what to answer; None to go on from where the last run ended.
            cancellation_token: ends the run, and everything in it.
            output_task_messages: the result begins with the task's messages.

        Raises:
            ValueError: `task` is no task.
        """
        messages = task_messages(task)
        return await owned(
            self._answer(messages, lambda _: None, cancellation_token, output_task_messages), cancellation_token
        )

    async def run_stream(
        self,
        *,
        task: Task = None,
        cancellation_token: CancellationToken | None = None,
        output_task_messages: bool = True,
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | TaskResult, None]:
        """As `run`, but yields every message and event as it comes and the `TaskResult` last."""
        messages = task_messages(task)
        stream = emitted(
            lambda emit: self._answer(messages, emit, cancellation_token, output_task_messages), cancellation_token
        )
        async with aclosing(stream):
            async for item in stream:
                yield item

    async def _answer(
        self, messages: list[BaseChatMessage], emit: Emit, token: CancellationToken | None, output_task_messages: bool
    ) -> TaskResult:
        kept: list[BaseAgentEvent | BaseChatMessage] = list(messages) if output_task_messages else []
        for message in kept:
            emit(message)
        with ensured_gate() as gate, account() as usage:
            gate.write("task", messages=[message.dump() for message in messages])
            gate.speaker([self.name])
            stream = self.on_messages_stream(messages, token or CancellationToken())
            with turn_span(self.name):
                async with aclosing(stream):
                    async for item in stream:
                        said = item.chat_message if isinstance(item, Response) else item
                        gate.record(said)
                        emit(said)
                        if not isinstance(said, ModelClientStreamingChunkEvent):
                            kept.append(said)
        return TaskResult(messages=kept, usage=usage)

    async def save_state(self) -> Mapping[str, Any]:
        """The agent's state as JSON; an agent with a memory of its own overrides this."""
        return BaseState().model_dump()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back a state that `save_state` gave.

        Raises:
            pydantic.ValidationError: it is not a state.
        """
        BaseState.model_validate(state)

    async def close(self) -> None:
        """Give back what the agent holds."""
        return None


class StreamingChatAgent(BaseChatAgent):
    """An agent that says what it does while it does it: subclasses write `_turn`, and both `on_messages` come of it.

    A turn passes the gate of the run that it is part of; called by itself, outside of any run, it has one of its own.
    """

    @abstractmethod
    def _turn(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        """Yield what happens, and the `Response` last."""

    async def on_messages(self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken) -> Response:
        async with aclosing(self.on_messages_stream(messages, cancellation_token)) as stream:
            async for item in stream:
                if isinstance(item, Response):
                    return item
        raise AssertionError("the stream ends with the response")

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        if in_a_run():
            stream = self._turn(messages, cancellation_token)
        else:
            stream = emitted(lambda emit: self._alone(messages, emit, cancellation_token), cancellation_token)
        async with aclosing(stream):
            async for item in stream:
                yield item

    async def _alone(
        self, messages: Sequence[BaseChatMessage], emit: Emit, cancellation_token: CancellationToken
    ) -> Response:
        """The turn, in a gate of its own."""
        with ensured_gate() as gate:
            async with aclosing(self._turn(messages, cancellation_token)) as stream:
                async for item in stream:
                    gate.record(item.chat_message if isinstance(item, Response) else item)
                    if isinstance(item, Response):
                        return item
                    emit(item)
        raise AssertionError("a turn ends with the response")
