"""Stops when somebody outside of the conversation says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from ..component import Component, ComponentConfig
from ..messages import BaseAgentEvent, BaseChatMessage
from .termination import OneReasonTermination


class ExternalTerminationConfig(ComponentConfig):
    """Nothing to say."""


class ExternalTermination(OneReasonTermination, Component[ExternalTerminationConfig]):
    """Stops at the end of the turn in which `set` was called."""

    component_config_schema = ExternalTerminationConfig

    def __init__(self) -> None:
        super().__init__()
        self._requested = False

    def set(self) -> None:
        """Ask for the end of the conversation."""
        self._requested = True

    async def _reason(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> str | None:
        return "External termination requested" if self._requested else None

    async def reset(self) -> None:
        await super().reset()
        self._requested = False

    async def save_state(self) -> Mapping[str, Any]:
        return {**await super().save_state(), "set": self._requested}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        await super().load_state(state)
        self._requested = bool(state["set"])

    def _to_config(self) -> ExternalTerminationConfig:
        return ExternalTerminationConfig()

    @classmethod
    def _from_config(cls, config: ExternalTerminationConfig) -> Self:
        return cls()
