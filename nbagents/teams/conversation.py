"""The conversation loop that all teams share: whom it asks is up to the kind of team.

A turn is complete, or was not taken: what it leads to is written down in one go, and whoever was asked and has
not answered (an error, a cancelled run) is asked again by the next run. Order of events and stop reasons are
AutoGen's.
"""

from __future__ import annotations

import asyncio
import uuid
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from ..agents.chat_agent import BaseChatAgent
from ..agents.streaming import Emit
from ..agents.task import TaskResult
from ..cancellation import CancellationToken
from ..conditions import TerminationCondition
from ..errors import RunError, RunFailed, SelectionFailed
from ..messages import BaseChatMessage, ModelClientStreamingChunkEvent, SelectSpeakerEvent, StopMessage
from ..runtime import account, current_gate, ensured_gate
from ..runtime.hold import Hold, under
from ..runtime.spans import team_span, turn_span
from .hearing import Hearing
from .message_types import known_types
from .participant import Message, Participant, Spoken, Tell, participant_of
from .team import Team


class Conversation(Team):
    """What a team knows of its conversation, and the loop that goes on with it."""

    manager_name = "BaseGroupChatManager"
    """Under this name the order of speaking stands in a saved state, and team events have it as their source."""
    state_type = "BaseGroupChatManagerState"

    def __init__(
        self,
        participants: Sequence[BaseChatAgent | Team],
        *,
        name: str,
        description: str,
        termination_condition: TerminationCondition | None = None,
        max_turns: int | None = None,
        runtime: Any = None,
        custom_message_types: Sequence[type[Message]] | None = None,
        emit_team_events: bool = False,
    ) -> None:
        if not participants:
            raise ValueError("At least one participant is required.")
        names = [participant.name for participant in participants]
        if len(set(names)) != len(names):
            raise ValueError("The participant names must be unique.")
        if max_turns is not None and max_turns < 1:
            raise ValueError("The maximum number of turns must be greater than 0.")
        self._name, self._description = name, description
        self._participants = list(participants)
        self._names = names
        self._termination_condition, self._max_turns = termination_condition, max_turns
        self._runtime, self._emit_team_events = runtime, emit_team_events
        self._message_factory = known_types(participants, custom_message_types or ())
        self._checked_types: set[type[Message]] = set()
        self._team_id = str(uuid.uuid4())
        self._seats: dict[str, Participant] = {}
        self._hearing = Hearing(names)
        self._thread: list[Message] = []
        self._asked: list[str] = []  # chosen to speak, and not answered yet
        self._current_turn = 0
        self._hold = Hold()
        self._paused = self._running = self.was_run = False

    @property
    def name(self) -> str:
        """What the team is called."""
        return self._name

    @property
    def description(self) -> str:
        """What the team is for."""
        return self._description

    # What a kind of team decides ----------------------------------------------------------------------------

    @abstractmethod
    async def _next_speakers(self, tell: Tell, token: CancellationToken) -> Sequence[str] | StopMessage:
        """Who speaks next, all at once if several; or a message whose content is the reason to stop."""

    def _spoke(self, speaker: str, spoken: Spoken) -> None:
        """A turn was completed; one that failed is not, and its speaker is asked again.

        It raises before it changes anything, or not at all.
        """
        return None

    def _check(self, task: Sequence[BaseChatMessage]) -> None:
        """Refuse to start (ValueError) where this task cannot be gone on with."""
        return None

    async def _heard_task(self, task: Sequence[BaseChatMessage], tell: Tell) -> None:
        """A run begins; `task` is what was said to all, [] to go on."""
        return None

    def _forget(self) -> None:
        """Begin the order of speaking anew."""
        return None

    def _place(self) -> dict[str, Any]:
        """The place in the order of speaking, as JSON."""
        return {}

    def _take_place(self, state: Mapping[str, Any]) -> None:
        """Take back what `_place` gave; thread and hearing are loaded already."""
        return None

    # The loop -----------------------------------------------------------------------------------------------

    async def _converse(
        self, task: list[BaseChatMessage], emit: Emit, token: CancellationToken | None, output_task_messages: bool
    ) -> TaskResult:
        if self._running:
            raise ValueError("The team is already running, it cannot run again until it is stopped.")
        self._running = self.was_run = True
        kept = list[Message]()
        try:
            with ensured_gate() as gate, account() as usage, under(self._hold) as within, team_span(self._name):

                async def tell(message: Message) -> None:
                    if self._hold.closed:
                        await self._hold.passed()
                    self._check_type(message)
                    gate.record(message)
                    emit(message)
                    if not isinstance(message, ModelClientStreamingChunkEvent):
                        kept.append(message)

                if task and not within:
                    gate.write("task", messages=[message.dump() for message in task])
                shown = (kept, emit) if output_task_messages else None
                reason = await self._turns(task, shown, tell, token or CancellationToken())
                return TaskResult(messages=kept, stop_reason=reason, usage=usage)
        finally:
            self._running, self._current_turn = False, 0
            self._release()

    async def _turns(
        self,
        task: list[BaseChatMessage],
        shown: tuple[list[Message], Emit] | None,
        tell: Tell,
        token: CancellationToken,
    ) -> str:
        condition, gate = self._termination_condition, current_gate()
        if condition is not None and condition.terminated:
            return "The group chat has already terminated."
        self._check(task)
        self._hearing.say(task)
        self._thread += task
        if shown is not None:
            kept, emit = shown
            kept += task
            for message in task:
                emit(message)
        await self._heard_task(task, tell)
        reason = await self._stop_reason(task) if self._asks_condition_of_task else None
        while reason is None:
            if not self._asked:
                chosen = await self._choose(tell, token)
                if isinstance(chosen, StopMessage):
                    return await self._stopped(chosen.content)
                self._asked = list(chosen)
            delta = await self._turn(tell, token)
            gate.taken = gate.turn
            self._current_turn += 1
            reason = await self._stop_reason(delta)
        return reason

    _asks_condition_of_task = True

    @property
    def _turn_limit(self) -> int | None:
        return self._max_turns

    async def _choose(self, tell: Tell, token: CancellationToken) -> Sequence[str] | StopMessage:
        try:
            chosen = await self._next_speakers(tell, token)
        except RunError:
            raise
        except Exception as error:
            turn = current_gate().turn + 1
            text = f"nobody could be chosen to speak in turn {turn}: {type(error).__name__}: {error}"
            raise SelectionFailed(text, agent=self._name, turn=turn) from error
        for name in () if isinstance(chosen, StopMessage) else chosen:
            if name not in self._names:
                raise SelectionFailed(f"Speaker {name} not found in participant names.", agent=name)
        return chosen

    async def _turn(self, tell: Tell, token: CancellationToken) -> list[Message]:
        gate, asked = current_gate(), list(self._asked)
        gate.speaker(asked)
        if self._emit_team_events:
            await tell(SelectSpeakerEvent(content=asked, source=self.manager_name))
        delta = list[Message]()
        if len(asked) == 1:
            await self._speak(asked[0], delta, tell, token)
            return delta
        try:
            async with asyncio.TaskGroup() as branches:
                for speaker in asked:
                    branches.create_task(self._speak(speaker, delta, tell, token))
        except BaseExceptionGroup as failures:
            first = failures.exceptions[0]
            raise first from first.__cause__
        return delta

    async def _speak(self, speaker: str, delta: list[Message], tell: Tell, token: CancellationToken) -> None:
        """One participant's turn. What it leads to is written down in one go: a turn is complete, or was not taken."""
        turn = current_gate().turn
        heard, place = self._hearing.unheard(speaker)
        try:
            with turn_span(speaker):
                spoken = await self._seat(speaker).speak(heard, tell, token)
            for message in spoken.delta:
                self._check_type(message)
            self._spoke(speaker, spoken)
        except RunError:
            raise
        except Exception as error:
            text = f"{speaker} failed in turn {turn}: {type(error).__name__}: {error}"
            raise RunFailed(text, agent=speaker, turn=turn) from error
        self._hearing.has_heard(speaker, place)
        self._hearing.say(spoken.published, by=speaker)
        self._thread += spoken.delta
        delta += spoken.delta
        self._asked.remove(speaker)

    async def _stop_reason(self, said: Sequence[Message]) -> str | None:
        if self._termination_condition is not None:
            stop = await self._termination_condition(said)
            if stop is not None:
                return await self._stopped(stop.content)
        limit = self._turn_limit
        if limit is not None and self._current_turn >= limit:
            return await self._stopped(f"Maximum number of turns {limit} reached.")
        return None

    async def _stopped(self, reason: str) -> str:
        if self._termination_condition is not None:
            await self._termination_condition.reset()
        return reason

    def _seat(self, name: str) -> Participant:
        if not self._seats:
            ports = [participant_of(participant) for participant in self._participants]
            if self._runtime is not None:
                from .on_runtime import RuntimeParticipant

                ports = [RuntimeParticipant(port, self._runtime, self._team_id) for port in ports]
            self._seats = {port.name: port for port in ports}
        return self._seats[name]

    def _check_type(self, message: Message) -> None:
        kind = type(message)
        if kind in self._checked_types:
            return
        if not self._message_factory.is_registered(kind):
            raise ValueError(
                f"Message type {kind} is not registered with this team: "
                "add it to custom_message_types when the team is made."
            )
        self._checked_types.add(kind)

    def _release(self) -> None:
        if self._paused:
            self._paused = False
            self._hold.open()
