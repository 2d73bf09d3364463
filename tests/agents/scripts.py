"""Answers for a scripted model, and what is checked of a conversation again and again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from nbagents.agents import BaseChatAgent, Response
from nbagents.cancellation import CancellationToken
from nbagents.messages import BaseChatMessage, TextMessage
from nbagents.models import (
    CreateResult,
    FunctionCall,
    LLMMessage,
    ModelInfo,
    ReplayChatCompletionClient,
    RequestUsage,
)

ABLE: ModelInfo = {
    "vision": False, "function_calling": True, "json_output": True, "structured_output": True, "family": "unknown",
    "multiple_system_messages": False,
}  # fmt: skip
USAGE = RequestUsage(prompt_tokens=3, completion_tokens=2)


def client(*answers: CreateResult | str, **info: Any) -> ReplayChatCompletionClient:
    """A model that gives these answers in order, and can do everything but see, unless `info` says otherwise."""
    return ReplayChatCompletionClient(answers, model_info={**ABLE, **info})


class Spoken(ReplayChatCompletionClient):
    """A model that says its results word by word, with what it thought only at the end."""

    async def create_stream(
        self, messages: Sequence[LLMMessage], **asked: Any
    ) -> AsyncGenerator[str | CreateResult, None]:
        result = await self.create(messages, **asked)
        assert isinstance(result.content, str)
        for word in re.findall(r"\S+\s*", result.content):
            yield word
        yield result


def calls(*named: tuple[str, str], thought: str | None = None) -> CreateResult:
    """An answer that asks for tools, by name and arguments."""
    content = [FunctionCall(id=str(number), name=name, arguments=args) for number, (name, args) in enumerate(named)]
    return CreateResult(finish_reason="function_calls", content=content, usage=USAGE, thought=thought)


def thinking(text: str, thought: str) -> CreateResult:
    """An answer that says what the model thought."""
    return CreateResult(finish_reason="stop", content=text, usage=USAGE, thought=thought)


def kinds(messages: Sequence[object]) -> list[str]:
    """The classes of messages, by name."""
    return [type(message).__name__ for message in messages]


def prompt(model: ReplayChatCompletionClient, call: int = -1) -> list[tuple[str, Any]]:
    """What the model was shown in one call: class and content of each message."""
    return [(type(message).__name__, message.content) for message in model.create_calls[call]["messages"]]


class Waiting:
    """A place where a test stops whoever comes by, and sees that they were."""

    def __init__(self) -> None:
        self.reached, self.cancelled, self.go = asyncio.Event(), False, asyncio.Event()

    async def __call__(self) -> None:
        self.reached.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


class Echo(BaseChatAgent):
    """Says what it heard."""

    def __init__(self, name: str = "echo") -> None:
        super().__init__(name, "says what it heard")
        self.seen: list[str] = []

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return (TextMessage,)

    async def on_messages(self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken) -> Response:
        heard = " ".join(message.to_text() for message in messages)
        return Response(chat_message=TextMessage(content=heard, source=self.name))

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        self.seen.append("reset")

    async def on_pause(self, cancellation_token: CancellationToken) -> None:
        self.seen.append("pause")

    async def on_resume(self, cancellation_token: CancellationToken) -> None:
        self.seen.append("resume")

    async def close(self) -> None:
        self.seen.append("close")
