"""Stops when somebody asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from ..component import Component, ComponentConfig
from ..messages import BaseAgentEvent, BaseChatMessage, StopMessage
from .termination import OneReasonTermination


class StopMessageTerminationConfig(ComponentConfig):
    """Nothing to say."""


class StopMessageTermination(OneReasonTermination, Component[StopMessageTerminationConfig]):
    """Stops when a `StopMessage` was said."""

    component_config_schema = StopMessageTerminationConfig

    async def _reason(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> str | None:
        return "Stop message received" if any(isinstance(message, StopMessage) for message in messages) else None

    def _to_config(self) -> StopMessageTerminationConfig:
        return StopMessageTerminationConfig()

    @classmethod
    def _from_config(cls, config: StopMessageTerminationConfig) -> Self:
        return cls()
