"""Asking either client either way, for the tests that try the same with all four."""

from __future__ import annotations

from typing import Any

import pytest

from nbagents.models import (
    AnthropicChatCompletionClient,
    ChatCompletionClient,
    CreateResult,
    OpenAIChatCompletionClient,
    UserMessage,
)
from tests.models.fault_server import Dialect

HELLO = [UserMessage(content="Hi", source="user")]
KEY = "planted-key-123456"
both = pytest.mark.parametrize("streamed", [True, False], ids=["stream", "create"])


def client_of(dialect: Dialect, url: str, **options: Any) -> ChatCompletionClient:
    if dialect.name == "openai":
        return OpenAIChatCompletionClient("m", base_url=f"{url}/v1", api_key=KEY, **options)
    return AnthropicChatCompletionClient("m", base_url=url, api_key=KEY, **options)


async def ask(client: ChatCompletionClient, streamed: bool, texts: list[str] | None = None) -> CreateResult:
    """The answer; what was streamed before it, or before an error, is in `texts`."""
    if not streamed:
        return await client.create(HELLO)
    async for part in client.create_stream(HELLO):
        if isinstance(part, CreateResult):
            return part
        if texts is not None:
            texts.append(part)
    raise AssertionError("no result")
