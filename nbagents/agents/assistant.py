"""`AssistantAgent`: an agent that answers with a model. Name and signature are AutoGen's."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Sequence

from ..cancellation import CancellationToken
from ..messages import BaseAgentEvent, BaseChatMessage, TextMessage
from ..models.client import ChatCompletionClient
from ..models.messages import AssistantMessage, CreateResult, LLMMessage, SystemMessage
from .chat_agent import BaseChatAgent
from .model_turn import ask_model, text_of
from .task import Response


class AssistantAgent(BaseChatAgent):
    """Answers each turn with one model call over the conversation so far.

    Args:
        name: a Python identifier, unique in a team.
        model_client: who answers.
        description: what the agent is for, as the other agents read it.
        system_message: its instructions; None for none.
        model_client_stream: yield the answer's text while it comes.
    """

    def __init__(
        self,
        name: str,
        model_client: ChatCompletionClient,
        *,
        description: str = "An agent that provides assistance with ability to use tools.",
        system_message: str | None = None,
        model_client_stream: bool = False,
    ) -> None:
        super().__init__(name, description)
        self._client = model_client
        self._stream = model_client_stream
        self._system: list[LLMMessage] = [SystemMessage(content=system_message)] if system_message else []
        self._context: list[LLMMessage] = []

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return (TextMessage,)

    async def on_messages(self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken) -> Response:
        async for item in self.on_messages_stream(messages, cancellation_token):
            if isinstance(item, Response):
                return item
        raise AssertionError("the stream ends with the response")

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        self._context += [message.to_model_message() for message in messages]
        id = str(uuid.uuid4())
        inner: list[BaseAgentEvent | BaseChatMessage] = []
        async for item in ask_model(
            self.name,
            self._client,
            [*self._system, *self._context],
            stream=self._stream,
            message_id=id,
            cancellation_token=cancellation_token,
        ):
            if not isinstance(item, CreateResult):
                inner.append(item)
                yield item
                continue
            text = text_of(item, self._client)
            self._context.append(AssistantMessage(content=text, source=self.name, thought=item.thought))
            answer = TextMessage(id=id, content=text, source=self.name, models_usage=item.usage)
            yield Response(chat_message=answer, inner_messages=inner)

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        self._context.clear()
