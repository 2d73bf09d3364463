"""`BaseGroupChat`: one conversation loop for all teams. A team only says who speaks next.

Names, order of events and stop reasons are AutoGen's; cancelling, leaving the stream or an error ends the
conversation and everything in it, and the next `run()` goes on correctly.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from ..agents.chat_agent import BaseChatAgent
from ..agents.streaming import Emit, emitted, owned
from ..agents.task import Response, Task, TaskResult, task_messages
from ..cancellation import CancellationToken
from ..conditions import TerminationCondition
from ..errors import RunError, RunFailed
from ..messages import BaseAgentEvent, BaseChatMessage, ModelClientStreamingChunkEvent
from ..runtime import current_gate, ensured_gate

Message = BaseAgentEvent | BaseChatMessage


class _Seat:
    """A participant with the messages that it has not heard yet."""

    def __init__(self, agent: BaseChatAgent) -> None:
        self.agent = agent
        self.unheard: list[BaseChatMessage] = []

    async def speak(self, emit: Emit, token: CancellationToken) -> list[Message]:
        """One turn: record, emit and return everything that the agent says and does."""
        gate, said = current_gate(), list[Message]()
        async with aclosing(self.agent.on_messages_stream(list(self.unheard), token)) as stream:
            async for item in stream:
                message = item.chat_message if isinstance(item, Response) else item
                gate.record(message)
                emit(message)
                if not isinstance(message, ModelClientStreamingChunkEvent):
                    said.append(message)
                if isinstance(item, Response):
                    self.unheard.clear()
        return said


class BaseGroupChat(ABC):
    """A team: participants who converse until a condition says stop. It keeps the conversation between runs.

    Args:
        participants: who converses; their names are unique.
        name: what the team is called.
        description: what the team is for.
        termination_condition: when to stop; reset by itself when it has stopped a run.
        max_turns: turns per run, None for no limit.

    Raises:
        ValueError: no participants, names that are not unique, or `max_turns` below 1.
    """

    def __init__(
        self,
        participants: Sequence[BaseChatAgent],
        *,
        name: str,
        description: str,
        termination_condition: TerminationCondition | None = None,
        max_turns: int | None = None,
    ) -> None:
        if not participants:
            raise ValueError("At least one participant is required.")
        if len({agent.name for agent in participants}) != len(participants):
            raise ValueError("The participant names must be unique.")
        if max_turns is not None and max_turns < 1:
            raise ValueError("The maximum number of turns must be greater than 0.")
        self.name, self.description = name, description
        self._seats = {agent.name: _Seat(agent) for agent in participants}
        self._condition, self._max_turns = termination_condition, max_turns
        self._running = False

    @abstractmethod
    def _next_speaker(self) -> str:
        """The name of the participant who speaks next."""

    @abstractmethod
    def _spoke(self, speaker: str) -> None:
        """A turn was completed; a turn that failed is not, and its speaker is asked again."""

    async def run(
        self,
        *,
        task: Task = None,
        cancellation_token: CancellationToken | None = None,
        output_task_messages: bool = True,
    ) -> TaskResult:
        """Converse about `task` until the condition or `max_turns` stops it.

        Raises:
            RunFailed: a participant raised; the original is its ``__cause__``. `run()` tries that turn again.
            ValueError: the team is running already, or `task` is no task.
        """
        messages = task_messages(task)
        return await owned(
            self._converse(messages, lambda _: None, cancellation_token, output_task_messages), cancellation_token
        )

    async def run_stream(
        self,
        *,
        task: Task = None,
        cancellation_token: CancellationToken | None = None,
        output_task_messages: bool = True,
    ) -> AsyncGenerator[Message | TaskResult, None]:
        """As `run`, but yields every message and event as it comes and the `TaskResult` last."""
        messages = task_messages(task)
        stream = emitted(
            lambda emit: self._converse(messages, emit, cancellation_token, output_task_messages), cancellation_token
        )
        async with aclosing(stream):
            async for item in stream:
                yield item

    async def reset(self) -> None:
        """Forget the conversation.

        Raises:
            RuntimeError: the team is running.
        """
        if self._running:
            raise RuntimeError("The group chat is currently running. It must be stopped before it can be reset.")
        for seat in self._seats.values():
            seat.unheard.clear()
            await seat.agent.on_reset(CancellationToken())
        if self._condition is not None:
            await self._condition.reset()

    async def _converse(
        self, task: list[BaseChatMessage], emit: Emit, token: CancellationToken | None, output_task_messages: bool
    ) -> TaskResult:
        if self._running:
            raise ValueError("The team is already running, it cannot run again until it is stopped.")
        self._running = True
        try:
            with ensured_gate():
                return await self._turns(task, emit, token or CancellationToken(), output_task_messages)
        finally:
            self._running = False

    async def _turns(
        self, task: list[BaseChatMessage], emit: Emit, token: CancellationToken, output_task_messages: bool
    ) -> TaskResult:
        kept = list[Message]()
        if task:
            current_gate().write("task", messages=[message.dump() for message in task])
            self._broadcast(task)
            if output_task_messages:
                kept += task
                for message in task:
                    emit(message)
        turns, reason = 0, await self._stop_reason(task, 0)
        while reason is None:
            said = await self._turn(emit, token)
            kept += said
            turns += 1
            reason = await self._stop_reason(said, turns)
        return TaskResult(messages=kept, stop_reason=reason)

    async def _turn(self, emit: Emit, token: CancellationToken) -> list[Message]:
        gate, speaker = current_gate(), self._next_speaker()
        gate.speaker([speaker])
        try:
            said = await self._seats[speaker].speak(emit, token)
        except RunError:
            raise
        except Exception as error:
            text = f"{speaker} failed in turn {gate.turn}: {type(error).__name__}: {error}"
            raise RunFailed(text, agent=speaker, turn=gate.turn) from error
        self._spoke(speaker)
        self._broadcast([message for message in said[-1:] if isinstance(message, BaseChatMessage)], but=speaker)
        return said

    def _broadcast(self, messages: Sequence[BaseChatMessage], but: str = "") -> None:
        for name, seat in self._seats.items():
            if name != but:
                seat.unheard += messages

    async def _stop_reason(self, said: Sequence[Message], turns: int) -> str | None:
        if self._condition is not None:
            if self._condition.terminated:
                await self._condition.reset()
            stop = await self._condition(said)
            if stop is not None:
                await self._condition.reset()
                return stop.content
        if self._max_turns is not None and turns >= self._max_turns:
            return f"Maximum number of turns {self._max_turns} reached."
        return None
