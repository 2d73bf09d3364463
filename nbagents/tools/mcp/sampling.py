"""Answers an MCP server that asks for a model. Names and JSON shapes are AutoGen's.

In a run the question passes the gate as one of the agent whose call the server serves: recorded, and counted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel
from pydantic_core import to_json

from ...component import Component, ComponentBase, ComponentConfig, ComponentModel
from ...errors import ConfigurationError
from ...image import Image
from ...models.client import ChatCompletionClient
from ...models.messages import AssistantMessage, LLMMessage, SystemMessage, UserMessage
from ..caller import current_caller

if TYPE_CHECKING:
    from mcp.types import CreateMessageRequestParams, CreateMessageResult, ErrorData


class Sampler(ABC, ComponentBase[BaseModel]):
    """Answers servers that ask for a model; users may implement their own."""

    component_type = "mcp_sampler"

    @abstractmethod
    async def sample(self, params: CreateMessageRequestParams) -> CreateMessageResult | ErrorData:
        """The answer."""


class ChatCompletionClientSamplerConfig(ComponentConfig):
    """The model."""

    client_config: ComponentModel


class ChatCompletionClientSampler(Sampler, Component[ChatCompletionClientSamplerConfig]):
    """Answers with a model."""

    component_config_schema = ChatCompletionClientSamplerConfig

    def __init__(self, model_client: ChatCompletionClient) -> None:
        self._model_client = model_client

    async def sample(self, params: CreateMessageRequestParams) -> CreateMessageResult | ErrorData:
        """The model's answer.

        Raises:
            ConfigurationError: the request holds what is neither text nor image.
            ModelError: the model did not answer.
        """
        from mcp.types import CreateMessageResult, TextContent

        client, asked, caller = self._model_client, _messages(params), current_caller()
        result = await (caller.ask(client, asked) if caller else client.create(asked))
        text = result.content if isinstance(result.content, str) else to_json(result.content).decode()
        return CreateMessageResult(
            role="assistant",
            content=TextContent(type="text", text=text),
            model=result.model or client.model or type(client).__name__,
            stop_reason="maxTokens" if result.finish_reason == "length" else "endTurn",
        )

    def _to_config(self) -> ChatCompletionClientSamplerConfig:
        return ChatCompletionClientSamplerConfig(client_config=self._model_client.dump_component())

    @classmethod
    def _from_config(cls, config: ChatCompletionClientSamplerConfig) -> Self:
        return cls(ChatCompletionClient.load_component(config.client_config))


def _messages(params: CreateMessageRequestParams) -> list[LLMMessage]:
    messages: list[LLMMessage] = [SystemMessage(content=params.system_prompt)] if params.system_prompt else []
    for message in params.messages:
        blocks = message.content if isinstance(message.content, list) else [message.content]
        parts = _parts(blocks)
        if message.role == "assistant":
            said = " ".join(part for part in parts if isinstance(part, str))
            messages.append(AssistantMessage(content=said, source="assistant"))
        else:
            texts = [part for part in parts if isinstance(part, str)]
            whole: str | list[str | Image] = "\n".join(texts) if len(texts) == len(parts) else parts
            messages.append(UserMessage(content=whole, source="mcp_server"))
    return messages


def _parts(blocks: Sequence[Any]) -> list[str | Image]:
    parts: list[str | Image] = []
    for block in blocks:
        if block.type == "text":
            parts.append(block.text)
        elif block.type == "image":
            parts.append(Image.from_base64(block.data))
        else:
            raise ConfigurationError(f"a server's request to a model may hold text and images, not {block.type!r}")
    return parts
