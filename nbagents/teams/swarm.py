"""`Swarm`: whoever has the conversation in hand speaks, until they hand it off. Name and signature are AutoGen's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from ..agents.agent_port import ChatAgent
from ..cancellation import CancellationToken
from ..component import Component
from ..conditions import TerminationCondition
from ..messages import BaseChatMessage, HandoffMessage
from .configs import TeamConfig, arguments_of, fields_of
from .group_chat import BaseGroupChat
from .participant import Message, Spoken, Tell, only_agents


class Swarm(BaseGroupChat, Component[TeamConfig]):
    """The target of the last `HandoffMessage` speaks; the first participant begins.

    Args:
        participants: agents; the first must be able to hand off.
        name: what the team is called.
        description: what the team is for.
        termination_condition: when to stop; `HandoffTermination(target="user")` ends a run that hands off to a person.
        max_turns: turns per run, None for no limit.
        runtime: where the participants are registered; None for none.
        custom_message_types: message classes of the user's own that may be said here.
        emit_team_events: also show who is chosen to speak.

    Raises:
        TypeError: a participant is no agent.
        ValueError: the first participant cannot hand off.
    """

    component_config_schema = TeamConfig

    DEFAULT_NAME = "Swarm"
    manager_name = "SwarmGroupChatManager"
    state_type = "SwarmManagerState"

    def __init__(
        self,
        participants: Sequence[ChatAgent],
        *,
        name: str | None = None,
        description: str | None = None,
        termination_condition: TerminationCondition | None = None,
        max_turns: int | None = None,
        runtime: Any = None,
        custom_message_types: Sequence[type[Message]] | None = None,
        emit_team_events: bool = False,
    ) -> None:
        only_agents(participants)
        super().__init__(
            participants,
            name=name,
            description=description,
            termination_condition=termination_condition,
            max_turns=max_turns,
            runtime=runtime,
            custom_message_types=custom_message_types,
            emit_team_events=emit_team_events,
        )
        if not any(issubclass(kind, HandoffMessage) for kind in participants[0].produced_message_types):
            raise ValueError("The first participant must be able to produce a handoff messages.")
        self._current_speaker = self._participant_names[0]
        self._target: str | None = None  # of the last handoff, whoever that is

    def _check(self, task: Sequence[BaseChatMessage]) -> None:
        handed = _last_handoff(task)
        if handed is not None and handed not in self._participant_names:
            raise ValueError(
                f"The target {handed} is not one of the participants {self._participant_names}. "
                "If you are resuming Swarm with a new HandoffMessage make sure to set the target to a valid "
                "participant as the target."
            )
        if handed is None and self._target is not None and self._target not in self._participant_names:
            raise ValueError(
                f"The existing handoff target {self._target} is not one of the participants "
                f"{self._participant_names}. "
                "If you are resuming Swarm with a new task make sure to include in your task a HandoffMessage with a "
                "valid participant as the target. For example, if you are resuming from a HandoffTermination, make "
                "sure the new task is a HandoffMessage with a valid participant as the target."
            )

    async def _heard_task(self, task: Sequence[BaseChatMessage], tell: Tell) -> None:
        handed = _last_handoff(task)
        if handed is not None:
            self._target = handed
            self._asked.clear()

    async def _next_speakers(self, tell: Tell, token: CancellationToken) -> Sequence[str]:
        target = self._target or self._current_speaker
        if target not in self._participant_names:
            raise ValueError(
                f"{self._current_speaker} handed off to {target!r}, who is not one of the participants "
                f"{self._participant_names}: "
                f"correct the handoff, or stop there with HandoffTermination(target={target!r})"
            )
        self._current_speaker = target
        return (target,)

    def _spoke(self, speaker: str, spoken: Spoken) -> None:
        self._target = _last_handoff(spoken.delta) or self._target

    def _forget(self) -> None:
        self._current_speaker, self._target = self._participant_names[0], None

    def _place(self) -> dict[str, Any]:
        return {"current_speaker": self._current_speaker}

    def _take_place(self, state: Mapping[str, Any]) -> None:
        self._current_speaker = state.get("current_speaker") or self._participant_names[0]
        self._target = _last_handoff(self._thread)

    def _to_config(self) -> TeamConfig:
        return TeamConfig(**fields_of(self))

    @classmethod
    def _from_config(cls, config: TeamConfig) -> Self:
        return cls(**arguments_of(config))


def _last_handoff(messages: Sequence[Message]) -> str | None:
    """Whom the last handoff in `messages` went to."""
    for message in reversed(messages):
        if isinstance(message, HandoffMessage):
            return message.target
    return None
