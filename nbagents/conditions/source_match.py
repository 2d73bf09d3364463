"""Stops when somebody has answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from ..component import Component, ComponentConfig
from ..messages import BaseAgentEvent, BaseChatMessage
from .termination import OneReasonTermination


class SourceMatchTerminationConfig(ComponentConfig):
    """Whose answer."""

    sources: list[str]


class SourceMatchTermination(OneReasonTermination, Component[SourceMatchTerminationConfig]):
    """Stops when one of `sources` said or did something."""

    component_config_schema = SourceMatchTerminationConfig

    def __init__(self, sources: Sequence[str]) -> None:
        super().__init__()
        self._sources = list(sources)

    async def _reason(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> str | None:
        for message in messages:
            if message.source in self._sources:
                return f"'{message.source}' answered"
        return None

    def _to_config(self) -> SourceMatchTerminationConfig:
        return SourceMatchTerminationConfig(sources=self._sources)

    @classmethod
    def _from_config(cls, config: SourceMatchTerminationConfig) -> Self:
        return cls(config.sources)
