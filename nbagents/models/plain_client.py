"""A client that is no `ChatCompletionClient` and has its methods: as good as one for AutoGen, and so for us."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from .client import ChatCompletionClient, ModelInfo
from .messages import CreateResult, LLMMessage, RequestUsage


class PlainClient(ChatCompletionClient):
    """Asks `client` and says for it what it does not say of itself.

    Args:
        client: has `create`, `create_stream` and `model_info`.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self.model = str(getattr(client, "model", "") or type(client).__name__)

    async def create(self, messages: Sequence[LLMMessage], **asked: Any) -> CreateResult:
        answer: CreateResult = await self._client.create(messages, **asked)
        return answer

    def create_stream(self, messages: Sequence[LLMMessage], **asked: Any) -> AsyncGenerator[str | CreateResult, None]:
        parts: AsyncGenerator[str | CreateResult, None] = self._client.create_stream(messages, **asked)
        return parts

    @property
    def model_info(self) -> ModelInfo:
        info: ModelInfo = self._client.model_info
        return info

    def total_usage(self) -> RequestUsage:
        used: RequestUsage = self._client.total_usage()
        return used


def as_client(client: Any) -> ChatCompletionClient:
    """`client` itself, or what speaks for it where it does not know all that is asked of clients here."""
    return client if isinstance(client, ChatCompletionClient) else PlainClient(client)
