"""What a model is shown of a conversation: `ChatCompletionContext`, and the one that shows all of it.

Names and JSON shapes are those of AutoGen's ``autogen_core.model_context``. `pin` is ours: what a memory knows stands
before the conversation, once, instead of being said again on every turn. What is pinned is not part of the state,
because the memory that pinned it does so again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from ..component import Component, ComponentBase, ComponentConfig
from ..models.messages import FunctionExecutionResultMessage, LLMMessage, SystemMessage, dump_prompt
from ..models.prompt import SharedMessages


class ChatCompletionContextState(BaseModel):
    """A context as JSON."""

    model_config = ConfigDict(defer_build=True)

    messages: list[LLMMessage] = Field(default_factory=list)


class ContextConfig(ComponentConfig):
    """A context as a component; those with a size add it."""

    initial_messages: list[LLMMessage] | None = None


class ChatCompletionContext(ABC, ComponentBase[BaseModel]):
    """Keeps the messages of a conversation and chooses what a model is shown of them; implement `get_messages`.

    Args:
        initial_messages: what was said before.
    """

    component_type = "chat_completion_context"

    def __init__(self, initial_messages: Sequence[LLMMessage] | None = None) -> None:
        # A configuration read from JSON brings its messages as dicts.
        self._initial_messages = [as_message(message) for message in initial_messages or ()]
        self._messages: list[LLMMessage] = SharedMessages(self._initial_messages)
        self._pins: dict[Hashable, SystemMessage] = {}

    async def add_message(self, message: LLMMessage) -> None:
        """Add what was said."""
        self._messages.append(message)

    @abstractmethod
    async def get_messages(self) -> list[LLMMessage]:
        """What a model is shown, oldest first; in `_messages` what is pinned stands first."""

    async def clear(self) -> None:
        """Forget everything."""
        self._messages, self._pins = SharedMessages(), {}

    async def pin(self, owner: Hashable, text: str) -> None:
        """Show `text` as a system message before the conversation, in place of what `owner` pinned before.

        Args:
            owner: who pins, such as a memory.
            text: what to show; "" takes it away.
        """
        standing = self._pins.get(owner)
        if standing is not None and standing.content == text and any(one is standing for one in self._pinned()):
            return
        conversation = self._conversation()
        self._pins.pop(owner, None)
        if text:
            self._pins[owner] = SystemMessage(content=text)
        self._messages = SharedMessages([*self._pins.values(), *conversation])
        if text and type(self).add_message is not ChatCompletionContext.add_message:
            await self._add_unless_shown(self._pins[owner])

    async def _add_unless_shown(self, pinned: SystemMessage) -> None:
        """A context that adds messages in a way of its own may keep them elsewhere: it is told as of any message."""
        if pinned not in await self.get_messages():
            await self.add_message(pinned)

    async def save_state(self) -> Mapping[str, Any]:
        """The conversation, as JSON; without what is pinned."""
        return {"messages": dump_prompt(self._conversation())}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `save_state` saved.

        Raises:
            pydantic.ValidationError: it is not a state of a context.
        """
        self._messages, self._pins = SharedMessages(ChatCompletionContextState.model_validate(state).messages), {}

    def _pinned(self) -> list[LLMMessage]:
        """What is pinned, where `pin` put it: before everything else."""
        pinned = self._pins.values()
        return [message for message in self._messages[: len(pinned)] if any(message is one for one in pinned)]

    def _conversation(self) -> list[LLMMessage]:
        """The messages without what is pinned."""
        return self._messages[len(self._pinned()) :] if self._pins else self._messages


def as_message(message: LLMMessage | Mapping[str, Any]) -> LLMMessage:
    """The message, read from JSON if it is given so.

    Raises:
        pydantic.ValidationError: it is no message to a model.
    """
    if not isinstance(message, Mapping):
        return message
    return ChatCompletionContextState.model_validate({"messages": [message]}).messages[0]


def is_result(message: LLMMessage) -> bool:
    """True for the results of tool calls: they may not stand without the calls before them."""
    return isinstance(message, FunctionExecutionResultMessage)


class UnboundedChatCompletionContext(ChatCompletionContext, Component[ContextConfig]):
    """Shows everything."""

    component_config_schema = ContextConfig

    async def get_messages(self) -> list[LLMMessage]:
        """All messages: the live list, as AutoGen's. What was asked of a model stays what it is, whoever changes it."""
        return self._messages

    def _to_config(self) -> ContextConfig:
        return ContextConfig(initial_messages=self._initial_messages or None)

    @classmethod
    def _from_config(cls, config: ContextConfig) -> Self:
        return cls(config.initial_messages)


async def prompt_of(context: ChatCompletionContext, system: Sequence[LLMMessage] = ()) -> Sequence[LLMMessage]:
    """What a model is asked: `system`, and then what `get_messages` shows of the conversation.

    Where that is all of it, it is not copied: asking costs the same after 100 turns and after 10,000.
    """
    shown = await context.get_messages()
    return shown.prompt(system) if isinstance(shown, SharedMessages) else [*system, *shown]
