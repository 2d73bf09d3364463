"""The turns that a conversation is made of: whom they are given to is up to the kind of team.

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

from ..agents.agent_port import ChatAgent
from ..cancellation import CancellationToken
from ..conditions import TerminationCondition
from ..errors import RunError, RunFailed, SelectionFailed
from ..messages import BaseChatMessage, SelectSpeakerEvent, StopMessage
from ..runtime import current_gate
from ..runtime.hold import Hold
from ..runtime.spans import turn_span
from .hearing import Hearing, Unheard
from .latest_run import LatestRun
from .message_types import KnownTypes
from .participant import Message, Participant, Spoken, Tell, participant_of
from .team import Team


class Conversation(Team):
    """What a team knows of its conversation, and the turns that go on with it."""

    DEFAULT_NAME = "GroupChat"
    DEFAULT_DESCRIPTION = "A team of agents."
    manager_name = "BaseGroupChatManager"
    """Under this name the order of speaking stands in a saved state, and team events have it as their source."""
    state_type = "BaseGroupChatManagerState"

    def __init__(
        self,
        participants: Sequence[ChatAgent | Team],
        *,
        name: str | None = None,
        description: str | None = None,
        termination_condition: TerminationCondition | None = None,
        max_turns: int | None = None,
        runtime: Any = None,
        custom_message_types: Sequence[type[Message]] | None = None,
        emit_team_events: bool = False,
    ) -> None:
        if len(participants) == 0:
            raise ValueError("At least one participant is required.")
        names = [participant.name for participant in participants]
        if len(set(names)) != len(names):
            raise ValueError("The participant names must be unique.")
        if max_turns is not None and max_turns < 1:
            raise ValueError("The maximum number of turns must be greater than 0.")
        self._name, self._description = name or self.DEFAULT_NAME, description or self.DEFAULT_DESCRIPTION
        self._participants = list(participants)
        self._participant_names = names
        self._termination_condition, self._max_turns = termination_condition, max_turns
        self._runtime, self._emit_team_events = runtime, emit_team_events
        self._types = KnownTypes(participants, custom_message_types or ())
        self._message_factory = self._types.factory  # as subclasses of AutoGen's teams know it
        self._team_id = str(uuid.uuid4())
        self._seats: dict[str, Participant] = {}
        self._hearing = Hearing(names)
        self._thread: list[Message] = []
        self._judged = 0  # so much of the thread the condition has seen
        self._asked: list[str] = []  # chosen to speak, and not answered yet
        self._hears: dict[str, Unheard] = {}  # what they hear: all the same, in every attempt
        self._unsaid: dict[str, Spoken] = {}  # answers of those that wait to be told, as while the run is paused
        self._current_turn = self._turns_taken = 0
        self._latest = LatestRun()
        self._hold = Hold()
        self._paused = self._is_running = self.was_run = False

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

    def _end(self) -> str | None:
        """Why the conversation is over by itself after this turn, whatever the condition says."""
        return None

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

    def turn_complete(self) -> None:
        self._latest.forget()

    # The turns ----------------------------------------------------------------------------------------------

    async def _turns(self, task: Sequence[BaseChatMessage], tell: Tell, token: CancellationToken) -> str:
        """One turn after the other, until there is a reason to stop."""
        if task:
            for speaker in list(self._unsaid):  # was said before this
                await self._speak(speaker, tell, token)
            self._hears.clear()
        self._hearing.say(task)
        self._thread += task
        await self._heard_task(task, tell)
        reason = await self._stop_reason() if task and self._asks_condition_of_task else None
        while reason is None:
            if not self._asked:
                chosen = await self._choose(tell, token)
                if isinstance(chosen, StopMessage):
                    return await self._stopped(chosen.content)
                self._asked = list(chosen)
            await self._turn(tell, token)
            gate = current_gate()
            gate.taken = gate.turn
            self._current_turn += 1
            reason = await self._stop_reason()
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
            if name not in self._participant_names:
                raise SelectionFailed(f"Speaker {name} not found in participant names.", agent=name)
        return chosen

    async def _turn(self, tell: Tell, token: CancellationToken) -> None:
        gate, asked = current_gate(), list(self._asked)
        gate.speaker(asked)
        if self._emit_team_events:
            await tell(SelectSpeakerEvent(content=asked, source=self.manager_name))
        for speaker in asked:
            if speaker not in self._hears:
                self._hears[speaker] = self._hearing.unheard(speaker)
        if len(asked) == 1:
            await self._speak(asked[0], tell, token)
            return
        try:
            async with asyncio.TaskGroup() as branches:
                for speaker in asked:
                    branches.create_task(self._speak(speaker, tell, token))
        except BaseExceptionGroup as failures:
            first = failures.exceptions[0]
            raise first from first.__cause__

    async def _speak(self, speaker: str, tell: Tell, token: CancellationToken) -> None:
        """One participant's turn. What it leads to is written down in one go: a turn is complete, or was not taken."""
        turn, (heard, place) = current_gate().turn, self._hears[speaker]
        try:
            with turn_span(speaker):
                spoken = self._unsaid.get(speaker) or await self._seat(speaker).speak(heard, tell, token)
            for message in spoken.delta:
                self._types.check(message)
            for message in spoken.untold:
                self._types.check(message)
            self._unsaid[speaker] = spoken
            for message in spoken.untold:
                await tell(message)
            del self._unsaid[speaker]
            self._spoke(speaker, spoken)
        except RunError:
            raise
        except Exception as error:
            text = f"{speaker} failed in turn {turn}: {type(error).__name__}: {error}"
            raise RunFailed(text, agent=speaker, turn=turn) from error
        del self._hears[speaker]
        self._hearing.has_heard(speaker, place)
        self._seat(speaker).heard()
        self._hearing.say(spoken.published, by=speaker)
        self._thread += spoken.delta
        self._asked.remove(speaker)

    async def _stop_reason(self) -> str | None:
        """Why to stop after what was said since this was asked last."""
        if (end := self._end()) is not None:
            return await self._stopped(end)
        if self._termination_condition is not None:
            try:
                stop = await self._termination_condition(self._thread[self._judged :])
            except Exception as error:
                text = f"the termination condition failed: {type(error).__name__}: {error}"
                raise RunFailed(text, agent=self._name, turn=current_gate().turn) from error
            if stop is not None:
                return await self._stopped(stop.content)
        self._judged = len(self._thread)
        limit = self._turn_limit
        if limit is not None and self._current_turn >= limit:
            return await self._stopped(f"Maximum number of turns {limit} reached.")
        return None

    async def _stopped(self, reason: str) -> str:
        self._judged = len(self._thread)
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
