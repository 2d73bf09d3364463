"""`RoundRobinGroupChat`: everybody in turn. Name and signature are AutoGen's."""

from __future__ import annotations

from collections.abc import Sequence

from ..agents.chat_agent import BaseChatAgent
from ..conditions import TerminationCondition
from .group_chat import BaseGroupChat


class RoundRobinGroupChat(BaseGroupChat):
    """The participants speak in the order given; the next run goes on with whoever is next.

    Args:
        participants: who converses, in the order of speaking.
        name: what the team is called.
        description: what the team is for.
        termination_condition: when to stop.
        max_turns: turns per run, None for no limit.
    """

    def __init__(
        self,
        participants: Sequence[BaseChatAgent],
        *,
        name: str = "RoundRobinGroupChat",
        description: str = "A team of agents.",
        termination_condition: TerminationCondition | None = None,
        max_turns: int | None = None,
    ) -> None:
        super().__init__(
            participants,
            name=name,
            description=description,
            termination_condition=termination_condition,
            max_turns=max_turns,
        )
        self._order = [agent.name for agent in participants]
        self._index = 0

    def _next_speaker(self) -> str:
        return self._order[self._index]

    def _spoke(self, speaker: str) -> None:
        self._index = (self._index + 1) % len(self._order)
