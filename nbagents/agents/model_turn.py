"""One question of an agent to its model, through the gate, as the events that a conversation shows."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TypeGuard

from pydantic import BaseModel

from ..cancellation import CancellationToken
from ..errors import ModelResponseError
from ..messages import BaseAgentEvent, ModelClientStreamingChunkEvent, ThoughtEvent
from ..models.client import ChatCompletionClient, name_of
from ..models.messages import CreateResult, LLMMessage, SystemMessage, UserMessage
from ..models.offered import OfferedTool, ToolChoice
from ..models.plain_client import as_client
from ..runtime import current_gate
from ..runtime.prompt_digest import PromptDigest


class AgentModel:
    """The model of one agent.

    Args:
        agent: who asks.
        client: who answers.
        stream: yield the answer's text while it comes.
    """

    def __init__(self, agent: str, client: ChatCompletionClient, *, stream: bool = False) -> None:
        self.client = client
        self._agent, self.stream = agent, stream
        self._unseen, self._digest = _Unseen(), PromptDigest()

    async def ask(
        self,
        messages: Sequence[LLMMessage],
        cancellation_token: CancellationToken,
        *,
        message_id: str | None = None,
        tools: Sequence[OfferedTool] = (),
        tool_choice: ToolChoice = "auto",
        json_output: type[BaseModel] | None = None,
    ) -> AsyncGenerator[BaseAgentEvent | CreateResult, None]:
        """Yield chunks (if it streams), the thought if there is one, and the whole `CreateResult` last.

        The chunks name `message_id` as the message that they will belong to. A model that sees no pictures is told
        that there is one.

        Raises:
            ModelError: the model did not answer.
        """
        id = message_id or str(uuid.uuid4())
        answer = current_gate().model(
            self._agent,
            self.client,
            messages if self.client.model_info.get("vision") else self._unseen.words_for(messages),
            tools=tools,
            tool_choice=tool_choice,
            json_output=json_output,
            stream=self.stream,
            cancellation_token=cancellation_token,
            message_id=id,
            digest=self._digest,
        )
        async with aclosing(answer):
            async for part in answer:
                if isinstance(part, str):
                    yield ModelClientStreamingChunkEvent(content=part, source=self._agent, full_message_id=id)
                    continue
                if part.thought:
                    yield ThoughtEvent(content=part.thought, source=self._agent)
                yield part


class _Unseen:
    """Takes pictures out of prompts. A prompt mostly grows at its end, so what was looked at once is not again."""

    def __init__(self) -> None:
        self._looked_at = 0
        self._last: LLMMessage | None = None

    def words_for(self, messages: Sequence[LLMMessage]) -> Sequence[LLMMessage]:
        new = messages[max(self._looked_at - 1, 0) :]  # from the last that was looked at
        if self._looked_at and not (new and new[0] is self._last):
            new = messages
        for message in new:
            if _has_parts(message):
                self._looked_at, self._last = 0, None
                return remove_images(messages)
        self._looked_at, self._last = len(messages), new[-1] if new else None
        return messages


def instructions(system_message: str | None) -> list[LLMMessage]:
    """What stands before the conversation; nothing for None."""
    return [] if system_message is None else [SystemMessage(content=system_message)]


def text_of(result: CreateResult, client: ChatCompletionClient) -> str:
    """The text of an answer.

    Raises:
        ModelResponseError: the model said nothing, or asked for a call that nobody offered.
    """
    if isinstance(result.content, str) and result.content.strip():
        return result.content
    client = as_client(client)
    name = name_of(client)
    why = "its answer is empty" if isinstance(result.content, str) else "it asked for a tool that was not offered"
    raise ModelResponseError(
        f"{name} gave no text ({why}, finish reason {result.finish_reason}): run it again",
        provider=client.provider,
        model=client.model,
    )


def words_of(result: CreateResult, client: ChatCompletionClient) -> str:
    """As `text_of`, but a model that ended by itself may say nothing.

    Raises:
        ModelResponseError: the model was cut off before it said anything, or asked for a call that nobody offered.
    """
    if isinstance(result.content, str) and result.finish_reason in ("stop", "unknown"):
        return result.content
    return text_of(result, client)


def remove_images(messages: Sequence[LLMMessage]) -> list[LLMMessage]:
    """The messages with the word ``<image>`` where a picture was."""
    return [_in_words(message) if _has_parts(message) else message for message in messages]


def _has_parts(message: LLMMessage) -> TypeGuard[UserMessage]:
    return isinstance(message, UserMessage) and not isinstance(message.content, str)


def _in_words(message: UserMessage) -> UserMessage:
    parts = [part if isinstance(part, str) else "<image>" for part in message.content]
    return message.model_copy(update={"content": "\n".join(parts)})
