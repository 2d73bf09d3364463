"""A context that has a model sum up the older part of a long conversation.

AutoGen has none. The summary is asked for through the gate, so it is recorded and its tokens are counted; it is made
once for the messages that it covers and kept, also in the state. The messages themselves are kept, too: only what is
shown is shorter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any, Self

from pydantic import ConfigDict, Field

from ..component import Component, ComponentModel
from ..errors import ModelResponseError
from ..models.client import ChatCompletionClient
from ..models.messages import (
    AssistantMessage,
    CreateResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from ..runtime import ensured_gate
from .context import ChatCompletionContext, ChatCompletionContextState, ContextConfig
from .token_limited import flat, grouped

INSTRUCTIONS = (
    "Several agents work on a task. Sum up what follows for an agent who goes on with it and has seen none of it. "
    "Keep what was asked, what was found out (names, figures and results word for word), what was decided and why, "
    "what failed, and what is still to do. Leave out courtesies and whatever was settled otherwise later. "
    "Answer with the summary alone."
)


class CompactingState(ChatCompletionContextState):
    """A context as JSON, with the summary and the number of messages from the start that it covers."""

    summary: str = ""
    covered: int = Field(default=0, ge=0)


class CompactingContextConfig(ContextConfig):
    """Who sums up, and when."""

    model_config = ConfigDict(protected_namespaces=())

    model_client: ComponentModel
    max_messages: int | None = None
    token_limit: int | None = None
    keep: int = 10
    instructions: str = INSTRUCTIONS


class CompactingChatCompletionContext(ChatCompletionContext, Component[CompactingContextConfig]):
    """Shows a summary of the older messages and the newer ones as they are.

    Args:
        model_client: sums up.
        max_messages: sum up when more than so many would be shown; None for no such limit.
        token_limit: sum up when they would take more tokens than this; None for no such limit.
        keep: so many of the newest messages are never summed up.
        instructions: what the model is told.
        initial_messages: what was said before.

    Raises:
        ValueError: no limit is given, or `keep` does not leave anything to sum up.
    """

    component_config_schema = CompactingContextConfig

    def __init__(
        self,
        model_client: ChatCompletionClient,
        *,
        max_messages: int | None = 40,
        token_limit: int | None = None,
        keep: int = 10,
        instructions: str = INSTRUCTIONS,
        initial_messages: Sequence[LLMMessage] | None = None,
    ) -> None:
        super().__init__(initial_messages)
        if max_messages is None and token_limit is None:
            raise ValueError("a limit is needed: give max_messages or token_limit")
        if keep < 1 or (max_messages is not None and max_messages <= keep):
            raise ValueError(f"keep is {keep}: expected at least 1, and less than max_messages ({max_messages})")
        self._model_client, self._instructions = model_client, instructions
        self._max_messages, self._token_limit, self._keep = max_messages, token_limit, keep
        self._summary, self._covered = "", 0
        self._whole = object()
        """Stands for the conversation: another one has another."""
        self._summing_up: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    @property
    def summary(self) -> str:
        """The summary of what is no longer shown; "" while everything is."""
        return self._summary

    async def get_messages(self) -> list[LLMMessage]:
        """The summary, and what came after it.

        Raises:
            ModelError: the summary is due and the model did not answer.
        """
        async with self._one_at_a_time():
            if self._too_long():
                await self._sum_up()
        return [*self._pinned(), *self._shown()]

    async def clear(self) -> None:
        """Forget everything, the summary too."""
        await super().clear()
        self._summary, self._covered, self._whole = "", 0, object()

    async def save_state(self) -> Mapping[str, Any]:
        """The conversation and its summary, as JSON."""
        return {**await super().save_state(), "summary": self._summary, "covered": self._covered}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `save_state` saved, here or in any other context.

        Raises:
            pydantic.ValidationError: it is not a state of a context.
        """
        loaded = CompactingState.model_validate(state)
        self._messages, self._pins = loaded.messages, {}
        self._summary, self._covered = loaded.summary, min(loaded.covered, len(loaded.messages))
        self._whole = object()

    def _one_at_a_time(self) -> asyncio.Lock:
        """The lock of this loop: a context outlives an ``asyncio.run``, a lock does not."""
        loop = asyncio.get_running_loop()
        if self._summing_up is None or self._summing_up[0] is not loop:
            self._summing_up = (loop, asyncio.Lock())
        return self._summing_up[1]

    def _shown(self) -> list[LLMMessage]:
        rest = self._conversation()[self._covered :]
        if not self._summary:
            return rest
        told = UserMessage(content=f"What happened before, summed up:\n{self._summary}", source="System")
        return [told, *rest]

    def _too_long(self) -> bool:
        shown = self._shown()
        if self._max_messages is not None and len(shown) > self._max_messages:
            return True
        return self._token_limit is not None and self._model_client.count_tokens(shown) > self._token_limit

    async def _sum_up(self) -> None:
        """Cover all but the newest messages; calls stay with their results."""
        rest = self._conversation()[self._covered :]
        groups, newest = grouped(rest), list[list[LLMMessage]]()
        while groups and len(flat(newest)) < self._keep:
            newest.insert(0, groups.pop())
        older, whole = flat(groups), self._whole
        if not older:
            return
        summary = await self._summary_of(older)
        if whole is self._whole:  # else it was cleared meanwhile
            self._summary, self._covered = summary, self._covered + len(older)

    async def _summary_of(self, messages: Sequence[LLMMessage]) -> str:
        before = [f"The summary so far:\n{self._summary}"] if self._summary else []
        said = "\n\n".join([*before, *(_as_text(message) for message in messages)])
        asked: list[LLMMessage] = [SystemMessage(content=self._instructions), UserMessage(content=said, source="user")]
        with ensured_gate() as gate:
            async with aclosing(gate.model("summary", self._model_client, asked)) as answer:
                async for part in answer:
                    if isinstance(part, CreateResult) and isinstance(part.content, str) and part.content.strip():
                        return part.content.strip()
        raise ModelResponseError("the model was asked to sum up the conversation and answered no text")

    def _to_config(self) -> CompactingContextConfig:
        return CompactingContextConfig(
            model_client=self._model_client.dump_component(),
            max_messages=self._max_messages,
            token_limit=self._token_limit,
            keep=self._keep,
            instructions=self._instructions,
            initial_messages=self._initial_messages or None,
        )

    @classmethod
    def _from_config(cls, config: CompactingContextConfig) -> Self:
        return cls(
            ChatCompletionClient.load_component(config.model_client),
            max_messages=config.max_messages,
            token_limit=config.token_limit,
            keep=config.keep,
            instructions=config.instructions,
            initial_messages=config.initial_messages,
        )


def _as_text(message: LLMMessage) -> str:
    """A message as a line of minutes."""
    if isinstance(message, FunctionExecutionResultMessage):
        return "\n".join(f"{result.name} returned: {result.content}" for result in message.content)
    if isinstance(message, AssistantMessage) and not isinstance(message.content, str):
        return "\n".join(f"{message.source} called {call.name}({call.arguments})" for call in message.content)
    text = message.content if isinstance(message.content, str) else _without_pictures(message.content)
    return f"{'instructions' if isinstance(message, SystemMessage) else message.source}: {text}"


def _without_pictures(parts: Sequence[Any]) -> str:
    return " ".join(part if isinstance(part, str) else "[image]" for part in parts)
