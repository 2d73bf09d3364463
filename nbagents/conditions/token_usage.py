"""Stops when enough was spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self

from ..component import Component, ComponentConfig
from ..messages import BaseAgentEvent, BaseChatMessage
from ..models.messages import RequestUsage
from .termination import OneReasonTermination


class TokenUsageTerminationConfig(ComponentConfig):
    """How much."""

    max_total_token: int | None = None
    max_prompt_token: int | None = None
    max_completion_token: int | None = None


class TokenUsageTermination(OneReasonTermination, Component[TokenUsageTerminationConfig]):
    """Stops when the messages seen have cost so many tokens; at least one of the limits is needed.

    Raises:
        ValueError: no limit was given.
    """

    component_config_schema = TokenUsageTerminationConfig

    def __init__(
        self,
        max_total_token: int | None = None,
        max_prompt_token: int | None = None,
        max_completion_token: int | None = None,
    ) -> None:
        super().__init__()
        if max_total_token is None and max_prompt_token is None and max_completion_token is None:
            raise ValueError(
                "At least one of max_total_token, max_prompt_token, or max_completion_token must be provided"
            )
        self._max_total_token = max_total_token
        self._max_prompt_token = max_prompt_token
        self._max_completion_token = max_completion_token
        self._used = RequestUsage()

    async def _reason(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> str | None:
        for message in messages:
            if message.models_usage is not None:
                self._used += message.models_usage
        prompt, completion = self._used.prompt_tokens, self._used.completion_tokens
        limits = (
            (self._max_total_token, prompt + completion),
            (self._max_prompt_token, prompt),
            (self._max_completion_token, completion),
        )
        if not any(limit is not None and used >= limit for limit, used in limits):
            return None
        return (
            f"Token usage limit reached, total token count: {prompt + completion}, "
            f"prompt token count: {prompt}, completion token count: {completion}."
        )

    async def reset(self) -> None:
        await super().reset()
        self._used = RequestUsage()

    async def save_state(self) -> Mapping[str, Any]:
        return {**await super().save_state(), "used": asdict(self._used)}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        await super().load_state(state)
        self._used = RequestUsage(**state["used"])

    def _to_config(self) -> TokenUsageTerminationConfig:
        return TokenUsageTerminationConfig(
            max_total_token=self._max_total_token,
            max_prompt_token=self._max_prompt_token,
            max_completion_token=self._max_completion_token,
        )

    @classmethod
    def _from_config(cls, config: TokenUsageTerminationConfig) -> Self:
        return cls(config.max_total_token, config.max_prompt_token, config.max_completion_token)
