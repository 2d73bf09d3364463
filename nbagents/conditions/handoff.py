"""Stops when the conversation is handed to somebody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from ..component import Component, ComponentConfig
from ..messages import BaseAgentEvent, BaseChatMessage, HandoffMessage
from .termination import OneReasonTermination


class HandoffTerminationConfig(ComponentConfig):
    """To whom."""

    target: str


class HandoffTermination(OneReasonTermination, Component[HandoffTerminationConfig]):
    """Stops when the conversation is handed off to `target`, who need not be in the team."""

    component_config_schema = HandoffTerminationConfig

    def __init__(self, target: str) -> None:
        super().__init__()
        self._target = target

    async def _reason(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> str | None:
        for message in messages:
            if isinstance(message, HandoffMessage) and message.target == self._target:
                return f"Handoff to {message.target} from {message.source} detected."
        return None

    def _to_config(self) -> HandoffTerminationConfig:
        return HandoffTerminationConfig(target=self._target)

    @classmethod
    def _from_config(cls, config: HandoffTerminationConfig) -> Self:
        return cls(config.target)
