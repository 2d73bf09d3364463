"""Answers an MCP server that asks for a model: as the agent whose call the server serves asks its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...errors import ConfigurationError
from ...image import Image
from ...models.client import ChatCompletionClient
from ...models.messages import AssistantMessage, LLMMessage, SystemMessage, UserMessage
from ..caller import current_caller

if TYPE_CHECKING:
    from mcp.client.session import SamplingFnT
    from mcp.types import CreateMessageRequestParams


def sampling_by(client: ChatCompletionClient) -> SamplingFnT:
    """The callback of the SDK that answers with `client`; an error is told to the server."""

    async def sampled(context: Any, params: CreateMessageRequestParams) -> Any:
        from mcp.types import INTERNAL_ERROR, CreateMessageResult, ErrorData, TextContent

        try:
            asked, caller = _messages(params), current_caller()
            result = await (caller.ask(client, asked) if caller else client.create(asked))
        except Exception as error:
            return ErrorData(code=INTERNAL_ERROR, message=f"the model did not answer: {error}")
        text = result.content if isinstance(result.content, str) else ""
        reason = "maxTokens" if result.finish_reason == "length" else "endTurn"
        model = result.model or client.model or type(client).__name__
        return CreateMessageResult(
            role="assistant", content=TextContent(type="text", text=text), model=model, stop_reason=reason
        )

    return sampled


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
