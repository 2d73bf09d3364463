"""Stops when somebody has answered."""

from __future__ import annotations

from collections.abc import Sequence

from ..messages import BaseAgentEvent, BaseChatMessage
from .termination import OneReasonTermination


class SourceMatchTermination(OneReasonTermination):
    """Stops when one of `sources` said or did something."""

    def __init__(self, sources: Sequence[str]) -> None:
        super().__init__()
        self._sources = list(sources)

    async def _reason(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> str | None:
        for message in messages:
            if message.source in self._sources:
                return f"'{message.source}' answered"
        return None
