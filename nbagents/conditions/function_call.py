"""Stops when a tool was called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from ..component import Component, ComponentConfig
from ..messages import BaseAgentEvent, BaseChatMessage, ToolCallExecutionEvent
from .termination import OneReasonTermination


class FunctionCallTerminationConfig(ComponentConfig):
    """Which tool."""

    function_name: str


class FunctionCallTermination(OneReasonTermination, Component[FunctionCallTerminationConfig]):
    """Stops when the tool called `function_name` has been executed."""

    component_config_schema = FunctionCallTerminationConfig

    def __init__(self, function_name: str) -> None:
        super().__init__()
        self._function_name = function_name

    async def _reason(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> str | None:
        for message in messages:
            if isinstance(message, ToolCallExecutionEvent) and any(
                result.name == self._function_name for result in message.content
            ):
                return f"Function '{self._function_name}' was executed."
        return None

    def _to_config(self) -> FunctionCallTerminationConfig:
        return FunctionCallTerminationConfig(function_name=self._function_name)

    @classmethod
    def _from_config(cls, config: FunctionCallTerminationConfig) -> Self:
        return cls(config.function_name)
