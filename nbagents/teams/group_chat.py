"""`BaseGroupChat`: the public face of all teams; the loop behind it is `conversation.py`.

Cancelling, leaving the stream or an error ends the conversation and everything in it, and the next `run()` goes
on correctly.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from ..agents.streaming import emitted, owned
from ..agents.task import Task, TaskResult, task_messages
from ..cancellation import CancellationToken
from ..messages import BaseChatMessage
from . import team_state
from .conversation import Conversation
from .participant import Message


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

    def _task_messages(self, task: Any) -> list[BaseChatMessage]:
        if isinstance(task, tuple):
            raise ValueError("Task must be a string, a BaseChatMessage, or a list of BaseChatMessage.")
        messages = task_messages(task)
        for message in messages:
            self._check_type(message)
        return messages

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
        if self._running and not self._paused:
            self._paused = True
            self._hold.close()
        for name in self._names:
            await self._seat(name).pause()

    async def resume(self) -> None:
        """Let a held run go on.

        Raises:
            RuntimeError: the team was never run.
        """
        if not self.was_run:
            raise RuntimeError("The group chat has not been initialized. It must be run before it can be resumed.")
        self._release()
        for name in self._names:
            await self._seat(name).resume()

    async def reset(self) -> None:
        """Forget the conversation.

        Raises:
            RuntimeError: the team is running.
        """
        if self._running:
            raise RuntimeError("The group chat is currently running. It must be stopped before it can be reset.")
        for name in self._names:
            await self._seat(name).reset()
        self._hearing.clear()
        self._thread.clear()
        self._asked.clear()
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
        if self._running:
            raise RuntimeError("The team cannot be loaded while it is running.")
        await team_state.load(self, state)
        self.was_run = True
