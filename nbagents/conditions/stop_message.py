"""Stops when somebody asks for it."""

from __future__ import annotations

from collections.abc import Sequence

from ..messages import BaseAgentEvent, BaseChatMessage, StopMessage
from .termination import OneReasonTermination


class StopMessageTermination(OneReasonTermination):
    """Stops when a `StopMessage` was said."""

    async def _reason(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> str | None:
        return "Stop message received" if any(isinstance(message, StopMessage) for message in messages) else None
