"""Stops when a text is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from ..component import Component, ComponentConfig
from ..messages import BaseAgentEvent, BaseChatMessage
from .termination import OneReasonTermination


class TextMentionTerminationConfig(ComponentConfig):
    """Which text, and whose; AutoGen's config does not say whose."""

    text: str
    sources: list[str] | None = None


class TextMentionTermination(OneReasonTermination, Component[TextMentionTerminationConfig]):
    """Stops when `text` stands in a message or event (of one of `sources`, if given)."""

    component_config_schema = TextMentionTerminationConfig

    def __init__(self, text: str, sources: Sequence[str] | None = None) -> None:
        super().__init__()
        self._termination_text, self._sources = text, sources

    async def _reason(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> str | None:
        for message in messages:
            if self._sources is not None and message.source not in self._sources:
                continue
            if self._termination_text in message.to_text():
                return f"Text '{self._termination_text}' mentioned"
        return None

    def _to_config(self) -> TextMentionTerminationConfig:
        return TextMentionTerminationConfig(
            text=self._termination_text, sources=list(self._sources) if self._sources is not None else None
        )

    @classmethod
    def _from_config(cls, config: TextMentionTerminationConfig) -> Self:
        return cls(config.text, config.sources)
