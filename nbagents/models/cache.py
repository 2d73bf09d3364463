"""`ChatCompletionCache`: asks a model once for each question. Name and signature are AutoGen's.

The key holds all that the answer depends on: the model's name, the messages, the tools and the choice among them, the
form of the output and further arguments.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Self

from pydantic import BaseModel, ValidationError

from ..cancellation import CancellationToken
from ..component import Component, ComponentConfig, ComponentModel
from .cache_store import CacheStore, InMemoryStore
from .client import ChatCompletionClient
from .messages import CreateResult, LLMMessage, RequestUsage
from .model_info import ModelInfo
from .offered import OfferedTool, ToolChoice
from .request import asked_with, options_as_json

CHAT_CACHE_VALUE_TYPE = CreateResult | list[str | CreateResult]
"""What an answer is: the result, or the pieces of a stream with the result last. A store is given it as JSON."""


class ChatCompletionCacheConfig(ComponentConfig):
    """Who is asked, and where answers are kept."""

    client: ComponentModel
    store: ComponentModel | None = None


class ChatCompletionCache(ChatCompletionClient, Component[ChatCompletionCacheConfig]):
    """Answers from `store` where it can, and from `client` where it must.

    Args:
        client: who is asked.
        store: where answers are kept; in memory, unless told otherwise.
    """

    component_type = "chat_completion_cache"
    component_config_schema = ChatCompletionCacheConfig

    def __init__(self, client: ChatCompletionClient, store: CacheStore[Any] | None = None) -> None:
        self.client, self.store = client, store if store is not None else InMemoryStore[Any]()
        self.provider, self.model = client.provider, client.model
        self.on_io_thread, self.asks_a_server = client.on_io_thread, client.asks_a_server

    @property
    def billed_by(self) -> str:
        return self.client.billed_by

    @property
    def answer_limit(self) -> int | None:
        return self.client.answer_limit

    @property
    def model_info(self) -> ModelInfo:
        return self.client.model_info

    def actual_usage(self) -> RequestUsage:
        return self.client.actual_usage()

    def total_usage(self) -> RequestUsage:
        return self.client.total_usage()

    def count_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[OfferedTool] = ()) -> int:
        return self.client.count_tokens(messages, tools=tools)

    def remaining_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[OfferedTool] = ()) -> int:
        return self.client.remaining_tokens(messages, tools=tools)

    async def close(self) -> None:
        await self.client.close()

    async def create(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[OfferedTool] = (),
        tool_choice: ToolChoice = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> CreateResult:
        key = self._key(messages, options_as_json(tools, tool_choice, json_output, extra_create_args))
        kept = _parts(await self._kept(key))
        if kept is not None:
            return _hit(kept)
        asked = asked_with(tools, tool_choice, json_output, extra_create_args, cancellation_token)
        result = await self.client.create(messages, **asked)
        await self._keep(key, _as_json(result))
        return result

    async def create_stream(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[OfferedTool] = (),
        tool_choice: ToolChoice = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> AsyncGenerator[str | CreateResult, None]:
        key = self._key(messages, options_as_json(tools, tool_choice, json_output, extra_create_args))
        kept = _parts(await self._kept(key))
        if kept is not None:
            for piece in _pieces(kept):
                yield piece
            yield _hit(kept)
            return
        asked = asked_with(tools, tool_choice, json_output, extra_create_args, cancellation_token)
        parts: list[str | CreateResult] = []
        async with aclosing(self.client.create_stream(messages, **asked)) as stream:
            async for part in stream:
                parts.append(part)
                if isinstance(part, CreateResult):
                    # Kept before it is handed on: who has the result need not come back for more.
                    await self._keep(key, [_as_json(part) for part in parts])
                yield part

    def _to_config(self) -> ChatCompletionCacheConfig:
        store = None if isinstance(self.store, InMemoryStore) else self.store.dump_component()
        return ChatCompletionCacheConfig(client=self.client.dump_component(), store=store)

    @classmethod
    def _from_config(cls, config: ChatCompletionCacheConfig) -> Self:
        store: CacheStore[Any] | None = CacheStore.load_component(config.store) if config.store else None
        return cls(ChatCompletionClient.load_component(config.client), store)

    async def _kept(self, key: str) -> Any:
        return await asyncio.to_thread(self.store.get, key) if self._waits() else self.store.get(key)

    async def _keep(self, key: str, value: Any) -> None:
        if self._waits():
            await asyncio.to_thread(self.store.set, key, value)
        else:
            self.store.set(key, value)

    def _waits(self) -> bool:
        # A store may be any object with `get` and `set`.
        return getattr(self.store, "over_the_network", False) is True

    def _key(self, messages: Sequence[LLMMessage], options: Mapping[str, Any]) -> str:
        asked = {
            "model": f"{self.provider}/{self.model}",
            "client": "" if self.provider else type(self.client).__qualname__,
            "messages": [message.model_dump(mode="json") for message in messages],
            **options,
        }
        canonical = json.dumps(asked, sort_keys=True, ensure_ascii=True, default=str)
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _as_json(part: str | CreateResult) -> Any:
    return part if isinstance(part, str) else part.model_dump(mode="json")


def _parts(kept: Any) -> list[str | CreateResult] | None:
    """What a store gave back, in whatever of the known forms; None for nothing, or nothing that can be read."""
    if kept is None:
        return None
    if isinstance(kept, bytes | str):
        try:
            kept = json.loads(kept)
        except ValueError:
            return None
    try:
        parts = [part if isinstance(part, str) else CreateResult.model_validate(part)
                 for part in (kept if isinstance(kept, list) else [kept])]  # fmt: skip
    except ValidationError:
        return None
    return parts if parts and isinstance(parts[-1], CreateResult) else None


def _hit(kept: Sequence[str | CreateResult]) -> CreateResult:
    result = kept[-1]
    assert isinstance(result, CreateResult), "what is kept ends with the result"
    return result.model_copy(update={"cached": True})


def _pieces(kept: Sequence[str | CreateResult]) -> Sequence[str]:
    """The stream's pieces; a result that came in one is one piece."""
    pieces = [part for part in kept if isinstance(part, str)]
    result = kept[-1]
    if not pieces and isinstance(result, CreateResult) and isinstance(result.content, str):
        return [result.content]
    return pieces
