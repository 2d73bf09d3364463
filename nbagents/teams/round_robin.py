"""`RoundRobinGroupChat`: everybody in turn. Name and signature are AutoGen's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from ..agents.agent_port import ChatAgent
from ..cancellation import CancellationToken
from ..component import Component
from ..conditions import TerminationCondition
from .configs import TeamConfig, arguments_of, fields_of
from .group_chat import BaseGroupChat
from .participant import Message, Spoken, Tell
from .team import Team


class RoundRobinGroupChat(BaseGroupChat, Component[TeamConfig]):
    """The participants speak in the order given; the next run goes on with whoever is next.

    Args:
        participants: agents and teams who converse, in the order of speaking.
        name: what the team is called.
        description: what the team is for.
        termination_condition: when to stop.
        max_turns: turns per run, None for no limit.
        runtime: where the participants are registered; None for none.
        custom_message_types: message classes of the user's own that may be said here.
        emit_team_events: also show who is chosen to speak.
    """

    component_config_schema = TeamConfig

    DEFAULT_NAME = "RoundRobinGroupChat"
    manager_name = "RoundRobinGroupChatManager"
    state_type = "RoundRobinManagerState"

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
        self._index = 0

    async def _next_speakers(self, tell: Tell, token: CancellationToken) -> Sequence[str]:
        return (self._participant_names[self._index],)

    def _spoke(self, speaker: str, spoken: Spoken) -> None:
        self._index = (self._index + 1) % len(self._participant_names)

    def _forget(self) -> None:
        self._index = 0

    def _place(self) -> dict[str, Any]:
        return {"next_speaker_index": self._index}

    def _take_place(self, state: Mapping[str, Any]) -> None:
        self._index = int(state.get("next_speaker_index", 0)) % len(self._participant_names)

    def _to_config(self) -> TeamConfig:
        return TeamConfig(**fields_of(self))

    @classmethod
    def _from_config(cls, config: TeamConfig) -> Self:
        return cls(**arguments_of(config))
