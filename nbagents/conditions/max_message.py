"""Stops after a number of messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from ..component import Component, ComponentConfig
from ..messages import BaseAgentEvent, BaseChatMessage
from .termination import OneReasonTermination


class MaxMessageTerminationConfig(ComponentConfig):
    """How many."""

    max_messages: int
    include_agent_event: bool = False


class MaxMessageTermination(OneReasonTermination, Component[MaxMessageTerminationConfig]):
    """Stops when `max_messages` chat messages were said, the task included (events too if `include_agent_event`)."""

    component_config_schema = MaxMessageTerminationConfig

    def __init__(self, max_messages: int, include_agent_event: bool = False) -> None:
        super().__init__()
        self._max_messages, self._include_agent_event = max_messages, include_agent_event
        self._message_count = 0

    async def _reason(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> str | None:
        if self._include_agent_event:
            self._message_count += len(messages)
        else:
            self._message_count += sum(isinstance(message, BaseChatMessage) for message in messages)
        if self._message_count < self._max_messages:
            return None
        return f"Maximum number of messages {self._max_messages} reached, current message count: {self._message_count}"

    async def reset(self) -> None:
        await super().reset()
        self._message_count = 0

    async def save_state(self) -> Mapping[str, Any]:
        return {**await super().save_state(), "count": self._message_count}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        await super().load_state(state)
        self._message_count = state["count"]

    def _to_config(self) -> MaxMessageTerminationConfig:
        return MaxMessageTerminationConfig(
            max_messages=self._max_messages, include_agent_event=self._include_agent_event
        )

    @classmethod
    def _from_config(cls, config: MaxMessageTerminationConfig) -> Self:
        return cls(config.max_messages, config.include_agent_event)
