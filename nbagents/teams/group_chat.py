"""`BaseGroupChat`: the public face of all teams, and what a run of one is; its turns are in `conversation.py`.

Cancelling, leaving the stream or an error ends the conversation and everything in it, and the next `run()` goes
on correctly.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from ..agents.overriding import is_overridden
from ..agents.streaming import Emit, emitted, owned
from ..agents.task import Task, TaskResult, task_messages
from ..cancellation import CancellationToken
from ..messages import BaseChatMessage, ModelClientStreamingChunkEvent
from ..models.linked import closing
from ..runtime import Gate, account, ensured_gate
from ..runtime.hold import under
from ..runtime.spans import team_span
from . import team_state
from .conversation import Conversation
from .participant import TAKING_PART, Message, Tell


class BaseGroupChat(Conversation):
    """A team: participants who converse until a condition says stop. It keeps the conversation between runs.

    Args:
        participants: agents and teams who converse; their names are unique.
        name: what the team is called.
        description: what the team is for.
        termination_condition: when to stop; reset by itself when a run has stopped.
        max_turns: turns per run, None for no limit.
        runtime: where the participants are registered; None for none, which costs least.
        custom_message_types: message classes of the user's own that may be said here.
        emit_team_events: also show who is chosen to speak.

    Raises:
        ValueError: no participants, names that are not unique, or `max_turns` below 1.
    """

    # Running ------------------------------------------------------------------------------------------------

    async def run(
        self,
        *,
        task: Task = None,
        cancellation_token: CancellationToken | None = None,
        output_task_messages: bool = True,
    ) -> TaskResult:
        """Converse about `task` until the condition or `max_turns` stops it.

        Args:
            task: what is to be done; None goes on from where the last run ended.
            cancellation_token: ends the run, and everything in it.
            output_task_messages: the result begins with the task's messages.

        Raises:
            RunFailed: a participant raised; the original is its ``__cause__``. `run()` tries that turn again.
            ValueError: the team is running already, or `task` is no task.
        """
        if is_overridden(self.run_stream, BaseGroupChat.run_stream):
            return await self._end_of_stream(task, cancellation_token, output_task_messages)
        messages = self._task_messages(task)
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
        messages = self._task_messages(task)
        stream = emitted(
            lambda emit: self._converse(messages, emit, cancellation_token, output_task_messages), cancellation_token
        )
        async with aclosing(stream):
            async for item in stream:
                yield item

    async def _end_of_stream(
        self, task: Task, token: CancellationToken | None, output_task_messages: bool
    ) -> TaskResult:
        """What the `run_stream` of a subclass ends with: whoever makes it anew means `run` too."""
        result: TaskResult | None = None
        stream = self.run_stream(task=task, cancellation_token=token, output_task_messages=output_task_messages)
        async with closing(stream):
            async for item in stream:
                if isinstance(item, TaskResult):
                    result = item
        if result is None:
            raise ValueError(f"{self._name} gave no result: its run_stream must end with a TaskResult")
        return result

    def _task_messages(self, task: Any) -> list[BaseChatMessage]:
        if isinstance(task, tuple):
            raise ValueError("Task must be a string, a BaseChatMessage, or a list of BaseChatMessage.")
        messages = task_messages(task)
        for message in messages:
            self._types.check(message)
        return messages

    async def _converse(
        self, task: list[BaseChatMessage], emit: Emit, token: CancellationToken | None, output_task_messages: bool
    ) -> TaskResult:
        if self._is_running:
            raise ValueError("The team is already running, it cannot run again until it is stopped.")
        self._is_running = self.was_run = True
        taking_part = TAKING_PART.get()
        TAKING_PART.set(False)  # what the members run themselves is none of that
        try:
            with (
                ensured_gate() as gate,
                account() as usage,
                under(self._hold) as within,
                team_span(self._name, gate.conversation),
            ):
                if task and not within:
                    gate.note("task", messages=tuple(task))
                if gate.resumed and not (task or within):  # the same run goes on, and its turns count on
                    self._current_turn = self._turns_taken
                if self._termination_condition is not None and self._termination_condition.terminated:
                    return TaskResult(messages=[], stop_reason="The group chat has already terminated.", usage=usage)
                self._check(task)
                shown, said = task if output_task_messages else [], list[Message]()
                for message in shown:
                    emit(message)
                tell, token = self._telling(gate, emit, said), token or CancellationToken()
                if taking_part:
                    reason, said = await self._take_part(task, said, tell, token)
                else:
                    reason = await self._turns(task, tell, token)
                return TaskResult(messages=[*shown, *said], stop_reason=reason, usage=usage)
        finally:
            self._is_running = False
            self._turns_taken = self._current_turn
            if not taking_part:  # as a part of another run it goes on where it was
                self._current_turn = 0
            self._release()

    def _telling(self, gate: Gate, emit: Emit, said: list[Message]) -> Tell:
        async def tell(message: Message) -> None:
            if self._hold.closed:
                await self._hold.passed()
            self._types.check(message)
            gate.record(message)
            emit(message)
            if not isinstance(message, ModelClientStreamingChunkEvent):
                said.append(message)

        return tell

    async def _take_part(
        self, task: list[BaseChatMessage], said: list[Message], tell: Tell, token: CancellationToken
    ) -> tuple[str, list[Message]]:
        """As `_turns`, for a team within a team: it may be another attempt at a run that was left in the middle."""
        latest = self._latest
        new = latest.begin(task, self._thread)
        if task and not latest.again:
            self._current_turn = 0
        reason = latest.ended if latest.again and not new else None
        if reason is None:
            reason = await self._turns(new, tell, token)
        latest.end(reason)
        self._current_turn = 0
        return reason, latest.said(self._thread) if latest.again else said

    # Holding and forgetting -----------------------------------------------------------------------------------

    async def pause(self) -> None:
        """Hold the run that is going on: nothing is said and no effect begins until `resume`.

        What was begun already (a model's answer, a block of code) comes to its end and waits. All participants
        are told. Nothing is held when nothing is running.

        Raises:
            RuntimeError: the team was never run.
        """
        if not self.was_run:
            raise RuntimeError("The group chat has not been initialized. It must be run before it can be paused.")
        if self._is_running and not self._paused:
            self._paused = True
            self._hold.close()
        for name in self._participant_names:
            await self._seat(name).pause()

    async def resume(self) -> None:
        """Let a held run go on.

        Raises:
            RuntimeError: the team was never run.
        """
        if not self.was_run:
            raise RuntimeError("The group chat has not been initialized. It must be run before it can be resumed.")
        self._release()
        for name in self._participant_names:
            await self._seat(name).resume()

    async def reset(self) -> None:
        """Forget the conversation.

        Raises:
            RuntimeError: the team is running.
        """
        if self._is_running:
            raise RuntimeError("The group chat is currently running. It must be stopped before it can be reset.")
        for name in self._participant_names:
            await self._seat(name).reset()
        self._hearing.clear()
        self._thread.clear()
        self._judged = 0
        self._asked.clear()
        self._hears.clear()
        self._unsaid.clear()
        self._latest.forget()
        self._current_turn = 0
        self._forget()
        if self._termination_condition is not None:
            await self._termination_condition.reset()

    async def save_state(self) -> Mapping[str, Any]:
        """The conversation as JSON: AutoGen's ``TeamState``, with the condition's state beside it.

        It may be saved at any time. A turn that is going on is saved as not taken: who was asked is asked again.
        """
        self._hold.close()
        try:
            return await team_state.saved(self)
        finally:
            self._hold.open()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back a state that a team with participants of these names saved; AutoGen's are read too.

        Raises:
            RuntimeError: the team is running.
            ValueError: a participant is missing in the state, or it has another shape.
        """
        if self._is_running:
            raise RuntimeError("The team cannot be loaded while it is running.")
        await team_state.load(self, state)
        self.was_run = True

    def _release(self) -> None:
        if self._paused:
            self._paused = False
            self._hold.open()
