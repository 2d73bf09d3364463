"""Stops after a number of messages."""

from __future__ import annotations

from collections.abc import Sequence

from ..messages import BaseAgentEvent, BaseChatMessage, StopMessage
from .termination import TerminationCondition, stopped


class MaxMessageTermination(TerminationCondition):
    """Stops when `max_messages` chat messages were said, the task included (events too if `include_agent_event`)."""

    def __init__(self, max_messages: int, include_agent_event: bool = False) -> None:
        self._max, self._events = max_messages, include_agent_event
        self._count = 0

    @property
    def terminated(self) -> bool:
        return self._count >= self._max

    async def __call__(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> StopMessage | None:
        if self.terminated:
            raise stopped("MaxMessageTermination")
        self._count += sum(self._events or isinstance(message, BaseChatMessage) for message in messages)
        if self._count < self._max:
            return None
        reason = f"Maximum number of messages {self._max} reached, current message count: {self._count}"
        return StopMessage(content=reason, source="MaxMessageTermination")

    async def reset(self) -> None:
        self._count = 0
