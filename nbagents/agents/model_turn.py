"""One question of an agent to its model, through the gate, as the events that a conversation shows."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from ..cancellation import CancellationToken
from ..errors import ModelResponseError
from ..messages import BaseAgentEvent, ModelClientStreamingChunkEvent, ThoughtEvent
from ..models.client import ChatCompletionClient
from ..models.messages import CreateResult, LLMMessage
from ..runtime import current_gate


async def ask_model(
    agent: str,
    client: ChatCompletionClient,
    messages: Sequence[LLMMessage],
    *,
    stream: bool,
    message_id: str | None = None,
    cancellation_token: CancellationToken,
) -> AsyncGenerator[BaseAgentEvent | CreateResult, None]:
    """Yield chunks (if `stream`), the thought if there is one, and the whole `CreateResult` last.

    Raises:
        ModelError: the model did not answer, or answered with nothing.
    """
    id = message_id or str(uuid.uuid4())
    answer = current_gate().model(agent, client, messages, stream=stream, cancellation_token=cancellation_token)
    async with aclosing(answer):
        async for part in answer:
            if isinstance(part, str):
                yield ModelClientStreamingChunkEvent(content=part, source=agent, full_message_id=id)
                continue
            if part.thought:
                yield ThoughtEvent(content=part.thought, source=agent)
            yield part


def text_of(result: CreateResult, client: ChatCompletionClient) -> str:
    """The text of an answer.

    Raises:
        ModelResponseError: the model said nothing, or asked for a call that nobody offered.
    """
    if isinstance(result.content, str) and result.content.strip():
        return result.content
    why = "its answer is empty" if isinstance(result.content, str) else "it asked for a tool that was not offered"
    raise ModelResponseError(
        f"{client.provider}/{client.model} gave no text ({why}, finish reason {result.finish_reason}): run it again",
        provider=client.provider,
        model=client.model,
    )
