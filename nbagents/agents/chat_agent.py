"""`BaseChatAgent`: what users subclass to make an agent of their own. Names and contract are AutoGen's."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from typing import Any

from ..cancellation import CancellationToken
from ..messages import BaseAgentEvent, BaseChatMessage, ModelClientStreamingChunkEvent
from ..models.linked import closing
from ..runtime import Usage, account, current_gate, ensured_gate
from ..runtime.gate import Gate
from ..runtime.spans import turn_span
from ..state import BaseState
from .agent_port import ChatAgent
from .streaming import Emit, emitted, owned
from .task import Response, Task, TaskResult, agent_task_messages, no_response, said_by


class BaseChatAgent(ChatAgent):
    """Takes part in a conversation and remembers it: callers pass only what is new.

    Args:
        name: a Python identifier, unique in a team.
        description: what the agent is for, as the other agents and a selector read it.

    Raises:
        ValueError: the name is not an identifier.
    """

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
        return await owned(
            self._run_whole(agent_task_messages(task), cancellation_token or CancellationToken(), output_task_messages),
            cancellation_token,
        )

    async def run_stream(
        self,
        *,
        task: Task = None,
        cancellation_token: CancellationToken | None = None,
        output_task_messages: bool = True,
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | TaskResult, None]:
        """As `run`, but yields every message and event as it comes and the `TaskResult` last, in which all stand."""
        messages, token = agent_task_messages(task), cancellation_token or CancellationToken()
        stream = emitted(
            lambda emit: self._run_streamed(messages, emit, token, output_task_messages), cancellation_token
        )
        async with aclosing(stream):
            async for item in stream:
                yield item

    async def _run_whole(
        self, messages: list[BaseChatMessage], token: CancellationToken, output_task_messages: bool
    ) -> TaskResult:
        with self._own_run(messages) as (_, usage):
            response = await self._respond_in_run(messages, token)
        said = [*(response.inner_messages or ()), response.chat_message]
        return TaskResult(messages=[*messages, *said] if output_task_messages else said, usage=usage)

    async def _run_streamed(
        self, messages: list[BaseChatMessage], emit: Emit, token: CancellationToken, output_task_messages: bool
    ) -> TaskResult:
        kept: list[BaseAgentEvent | BaseChatMessage] = list(messages) if output_task_messages else []
        for message in kept:
            emit(message)
        answered = False
        with self._own_run(messages) as (gate, usage):
            async with closing(self.on_messages_stream(messages, token)) as stream:
                async for item in stream:
                    answered = answered or isinstance(item, Response)
                    said = said_by(self.name, item.chat_message if isinstance(item, Response) else item)
                    gate.record(said)
                    emit(said)
                    if not isinstance(said, ModelClientStreamingChunkEvent):
                        kept.append(said)
        if not answered:
            raise no_response(self.name)
        return TaskResult(messages=kept, usage=usage)

    async def _respond_in_run(self, messages: list[BaseChatMessage], token: CancellationToken) -> Response:
        """One turn within `run`: `on_messages`, which a subclass may have made its own, as AutoGen asks it there."""
        gate, response = current_gate(), await self.on_messages(messages, token)
        for said in (*(response.inner_messages or ()), response.chat_message):
            gate.record(said_by(self.name, said))
        return response

    @contextmanager
    def _own_run(self, task: Sequence[BaseChatMessage]) -> Iterator[tuple[Gate, Usage]]:
        """A run of this agent alone: its gate, and what it spends."""
        with ensured_gate() as gate, account() as usage:
            if task or not gate.resumed:
                gate.note("task", messages=tuple(task))
            gate.speaker([self.name])
            with turn_span(self.name, gate.conversation):
                yield gate, usage

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
