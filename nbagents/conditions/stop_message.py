"""Stops when somebody asks for it."""

from __future__ import annotations

from collections.abc import Sequence

from ..messages import BaseAgentEvent, BaseChatMessage, StopMessage
from .termination import TerminationCondition, stopped


class StopMessageTermination(TerminationCondition):
    """Stops when a `StopMessage` was said."""

    def __init__(self) -> None:
        self._terminated = False

    @property
    def terminated(self) -> bool:
        return self._terminated

    async def __call__(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> StopMessage | None:
        if self._terminated:
            raise stopped("StopMessageTermination")
        self._terminated = any(isinstance(message, StopMessage) for message in messages)
        return (
            StopMessage(content="Stop message received", source="StopMessageTermination") if self._terminated else None
        )

    async def reset(self) -> None:
        self._terminated = False
