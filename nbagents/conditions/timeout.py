"""Stops when time is up."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

from ..component import Component, ComponentConfig
from ..messages import BaseAgentEvent, BaseChatMessage
from .termination import OneReasonTermination


class TimeoutTerminationConfig(ComponentConfig):
    """How long."""

    timeout_seconds: float


class TimeoutTermination(OneReasonTermination, Component[TimeoutTerminationConfig]):
    """Stops `timeout_seconds` after it was made or reset; looked at between turns, which it does not cut short."""

    component_config_schema = TimeoutTerminationConfig

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__()
        self._timeout_seconds = timeout_seconds
        self._start_time = time.monotonic()

    async def _reason(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> str | None:
        late = time.monotonic() - self._start_time >= self._timeout_seconds
        return f"Timeout of {self._timeout_seconds} seconds reached" if late else None

    async def reset(self) -> None:
        await super().reset()
        self._start_time = time.monotonic()

    async def save_state(self) -> Mapping[str, Any]:
        return {**await super().save_state(), "elapsed": time.monotonic() - self._start_time}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        await super().load_state(state)
        self._start_time = time.monotonic() - state["elapsed"]

    def _to_config(self) -> TimeoutTerminationConfig:
        return TimeoutTerminationConfig(timeout_seconds=self._timeout_seconds)

    @classmethod
    def _from_config(cls, config: TimeoutTerminationConfig) -> Self:
        return cls(config.timeout_seconds)
