"""Stops when somebody answers in text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from ..component import Component, ComponentConfig
from ..messages import BaseAgentEvent, BaseChatMessage, TextMessage
from .termination import OneReasonTermination


class TextMessageTerminationConfig(ComponentConfig):
    """Whose text."""

    source: str | None = None


class TextMessageTermination(OneReasonTermination, Component[TextMessageTerminationConfig]):
    """Stops when a `TextMessage` was said (by `source`, if given)."""

    component_config_schema = TextMessageTerminationConfig

    def __init__(self, source: str | None = None) -> None:
        super().__init__()
        self._source = source

    async def _reason(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> str | None:
        for message in messages:
            if isinstance(message, TextMessage) and self._source in (None, message.source):
                return f"Text message received from '{message.source}'"
        return None

    def _to_config(self) -> TextMessageTerminationConfig:
        return TextMessageTerminationConfig(source=self._source)

    @classmethod
    def _from_config(cls, config: TextMessageTerminationConfig) -> Self:
        return cls(config.source)
