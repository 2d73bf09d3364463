"""Contexts that show a part of the conversation by its place in it.

Names and behaviour are those of AutoGen's ``autogen_core.model_context``; a tool's result is never shown without its
call, nor a call without its result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from ..component import Component
from ..models.messages import AssistantMessage, LLMMessage, UserMessage
from .context import ChatCompletionContext, ContextConfig, is_result


class BufferedContextConfig(ContextConfig):
    """How many."""

    buffer_size: int


class BufferedChatCompletionContext(ChatCompletionContext, Component[BufferedContextConfig]):
    """Shows the last `buffer_size` messages.

    Raises:
        ValueError: `buffer_size` is below 1.
    """

    component_config_schema = BufferedContextConfig

    def __init__(self, buffer_size: int, initial_messages: Sequence[LLMMessage] | None = None) -> None:
        super().__init__(initial_messages)
        if buffer_size <= 0:
            raise ValueError("buffer_size must be greater than 0.")
        self._buffer_size = buffer_size

    async def get_messages(self) -> list[LLMMessage]:
        """The last messages, without results whose calls are no longer among them."""
        pinned = self._pinned()
        start = max(len(pinned), len(self._messages) - self._buffer_size)
        return [*pinned, *without_leading_results(self._messages[start:])]

    def _to_config(self) -> BufferedContextConfig:
        return BufferedContextConfig(buffer_size=self._buffer_size, initial_messages=self._initial_messages or None)

    @classmethod
    def _from_config(cls, config: BufferedContextConfig) -> Self:
        return cls(config.buffer_size, config.initial_messages)


class HeadAndTailContextConfig(ContextConfig):
    """How many of the first, and of the last."""

    head_size: int
    tail_size: int


class HeadAndTailChatCompletionContext(ChatCompletionContext, Component[HeadAndTailContextConfig]):
    """Shows the first `head_size` and the last `tail_size` messages, and says how many it leaves out.

    Raises:
        ValueError: one of the sizes is below 1.
    """

    component_config_schema = HeadAndTailContextConfig

    def __init__(self, head_size: int, tail_size: int, initial_messages: Sequence[LLMMessage] | None = None) -> None:
        super().__init__(initial_messages)
        if head_size <= 0:
            raise ValueError("head_size must be greater than 0.")
        if tail_size <= 0:
            raise ValueError("tail_size must be greater than 0.")
        self._head_size, self._tail_size = head_size, tail_size

    async def get_messages(self) -> list[LLMMessage]:
        """The first messages, a word on what is left out, and the last messages."""
        pinned = self._pinned()
        count = len(self._messages) - len(pinned)
        if count <= self._head_size + self._tail_size:
            return self._messages
        head = without_trailing_calls(self._messages[len(pinned) : len(pinned) + self._head_size])
        tail = without_leading_results(self._messages[-self._tail_size :])
        skipped = count - len(head) - len(tail)
        gap = UserMessage(content=f"Skipped {skipped} messages.", source="System")
        return [*pinned, *head, gap, *tail]

    def _to_config(self) -> HeadAndTailContextConfig:
        return HeadAndTailContextConfig(
            head_size=self._head_size, tail_size=self._tail_size, initial_messages=self._initial_messages or None
        )

    @classmethod
    def _from_config(cls, config: HeadAndTailContextConfig) -> Self:
        return cls(config.head_size, config.tail_size, config.initial_messages)


def without_leading_results(messages: list[LLMMessage]) -> list[LLMMessage]:
    """The messages from the first on that is no result of a call before them."""
    start = next((at for at, message in enumerate(messages) if not is_result(message)), len(messages))
    return messages[start:]


def without_trailing_calls(messages: list[LLMMessage]) -> list[LLMMessage]:
    """The messages without calls at their end whose results come after them."""
    last = messages[-1] if messages else None
    return messages[:-1] if isinstance(last, AssistantMessage) and not isinstance(last.content, str) else messages
