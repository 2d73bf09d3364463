"""`MessageFilterAgent`: an agent that hears only some of the messages. Names and fields are AutoGen's."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import BaseModel

from ..cancellation import CancellationToken
from ..component import Component, ComponentConfig, ComponentModel
from ..messages import BaseAgentEvent, BaseChatMessage
from ..models.linked import closing
from ..state import MessageFilterAgentState
from .chat_agent import BaseChatAgent
from .task import Response


class PerSourceFilter(BaseModel):
    """Which messages of one source are heard: the first or last `count` of them, all if one of the two is missing."""

    source: str
    position: Literal["first", "last"] | None = None
    count: int | None = None


class MessageFilterConfig(BaseModel):
    """Messages of sources that are not named are not heard."""

    per_source: list[PerSourceFilter]


class MessageFilterAgentConfig(ComponentConfig):
    """Who hears what."""

    name: str
    wrapped_agent: ComponentModel
    filter: MessageFilterConfig


class MessageFilterAgent(BaseChatAgent, Component[MessageFilterAgentConfig]):
    """Hands to another agent only the messages that a filter lets through, in the order in which they were said.

    Everything else (state, reset, pause, close) is the other agent's own, and its name stands on what it says.

    Args:
        name: a Python identifier, unique in a team.
        wrapped_agent: who hears the rest and answers.
        filter: what it hears.
    """

    component_config_schema = MessageFilterAgentConfig

    def __init__(self, name: str, wrapped_agent: BaseChatAgent, filter: MessageFilterConfig) -> None:
        super().__init__(name, f"{wrapped_agent.description or 'An agent'} (with message filtering)")
        self._wrapped_agent, self._filter = wrapped_agent, filter

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return self._wrapped_agent.produced_message_types

    async def on_messages(self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken) -> Response:
        return await self._wrapped_agent.on_messages(self._apply_filter(messages), cancellation_token)

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        stream = self._wrapped_agent.on_messages_stream(self._apply_filter(messages), cancellation_token)
        async with closing(stream):
            async for item in stream:
                yield item

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        await self._wrapped_agent.on_reset(cancellation_token)

    async def on_pause(self, cancellation_token: CancellationToken) -> None:
        await self._wrapped_agent.on_pause(cancellation_token)

    async def on_resume(self, cancellation_token: CancellationToken) -> None:
        await self._wrapped_agent.on_resume(cancellation_token)

    async def save_state(self) -> Mapping[str, Any]:
        """The state of the agent behind the filter."""
        return MessageFilterAgentState(wrapped_agent_state=await self._wrapped_agent.save_state()).dump()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        loaded = MessageFilterAgentState.model_validate(state)
        if loaded.wrapped_agent_state:  # AutoGen saves none.
            await self._wrapped_agent.load_state(loaded.wrapped_agent_state)

    async def close(self) -> None:
        await self._wrapped_agent.close()

    def _apply_filter(self, messages: Sequence[BaseChatMessage]) -> list[BaseChatMessage]:
        heard = {index for rule in self._filter.per_source for index in _indexes(rule, messages)}
        return [message for index, message in enumerate(messages) if index in heard]

    def _to_config(self) -> MessageFilterAgentConfig:
        return MessageFilterAgentConfig(
            name=self.name, wrapped_agent=self._wrapped_agent.dump_component(), filter=self._filter
        )

    @classmethod
    def _from_config(cls, config: MessageFilterAgentConfig) -> Self:
        return cls(config.name, BaseChatAgent.load_component(config.wrapped_agent), config.filter)


def _indexes(rule: PerSourceFilter, messages: Sequence[BaseChatMessage]) -> Iterable[int]:
    """Where the messages stand that one rule lets through."""
    indexes = [index for index, message in enumerate(messages) if message.source == rule.source]
    if rule.position is None or rule.count is None:
        return indexes
    first = rule.position == "first"
    return indexes[: rule.count] if first else indexes[max(0, len(indexes) - rule.count) :]
