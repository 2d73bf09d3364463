"""Stops when a text is said."""

from __future__ import annotations

from collections.abc import Sequence

from ..messages import BaseAgentEvent, BaseChatMessage
from .termination import OneReasonTermination


class TextMentionTermination(OneReasonTermination):
    """Stops when `text` stands in a message or event (of one of `sources`, if given)."""

    def __init__(self, text: str, sources: Sequence[str] | None = None) -> None:
        super().__init__()
        self._text, self._sources = text, sources

    async def _reason(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> str | None:
        for message in messages:
            if self._sources is not None and message.source not in self._sources:
                continue
            if self._text in message.to_text():
                return f"Text '{self._text}' mentioned"
        return None
