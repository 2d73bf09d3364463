"""Stops when a text is said."""

from __future__ import annotations

from collections.abc import Sequence

from ..messages import BaseAgentEvent, BaseChatMessage, StopMessage
from .termination import TerminationCondition, stopped


class TextMentionTermination(TerminationCondition):
    """Stops when `text` stands in a message or event (of one of `sources`, if given)."""

    def __init__(self, text: str, sources: Sequence[str] | None = None) -> None:
        self._text = text
        self._sources = None if sources is None else frozenset(sources)
        self._terminated = False

    @property
    def terminated(self) -> bool:
        return self._terminated

    async def __call__(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> StopMessage | None:
        if self._terminated:
            raise stopped("TextMentionTermination")
        for message in messages:
            if (self._sources is None or message.source in self._sources) and self._text in message.to_text():
                self._terminated = True
                return StopMessage(content=f"Text '{self._text}' mentioned", source="TextMentionTermination")
        return None

    async def reset(self) -> None:
        self._terminated = False
