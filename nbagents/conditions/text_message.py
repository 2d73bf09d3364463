"""Stops when somebody answers in text."""

from __future__ import annotations

from collections.abc import Sequence

from ..messages import BaseAgentEvent, BaseChatMessage, TextMessage
from .termination import OneReasonTermination


class TextMessageTermination(OneReasonTermination):
    """Stops when a `TextMessage` was said (by `source`, if given)."""

    def __init__(self, source: str | None = None) -> None:
        super().__init__()
        self._source = source

    async def _reason(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> str | None:
        for message in messages:
            if isinstance(message, TextMessage) and self._source in (None, message.source):
                return f"Text message received from '{message.source}'"
        return None
