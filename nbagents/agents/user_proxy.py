"""`UserProxyAgent`: a person as an agent. Name and signature are AutoGen's."""

from __future__ import annotations

import asyncio
import inspect
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, cast

from ..cancellation import CancellationToken
from ..messages import BaseAgentEvent, BaseChatMessage, StopMessage, TextMessage, UserInputRequestedEvent
from ..runtime import Answer, current_gate
from .chat_agent import BaseChatAgent
from .task import Response

InputFunc = Callable[[str], str] | Callable[[str, CancellationToken | None], Awaitable[str]]

PROMPT = "Enter your response: "
YOU_DECIDE = "You decide."
ENDED = "The person ended the conversation."


class UserProxyAgent(BaseChatAgent):
    """Asks a person for each of its turns. Nothing times out: people take their time.

    Args:
        name: a Python identifier, unique in a team.
        description: who the person is, as the other agents read it.
        input_func: gets the prompt and returns the reply (an async one also gets the cancellation token);
            None asks where the run is shown: in the notebook, or on the terminal.
    """

    def __init__(self, name: str, description: str = "A human user", input_func: InputFunc | None = None) -> None:
        super().__init__(name, description)
        self._input_func = input_func

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return (TextMessage, StopMessage)

    async def on_messages(self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken) -> Response:
        async for item in self.on_messages_stream(messages, cancellation_token):
            if isinstance(item, Response):
                return item
        raise AssertionError("the stream ends with the response")

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        asked = UserInputRequestedEvent(request_id=str(uuid.uuid4()), source=self.name)
        yield asked
        if self._input_func is None:
            message = self._message(await current_gate().person(self.name, f"{self.name}, it is your turn."))
        else:
            message = TextMessage(content=await self._call(self._input_func, cancellation_token), source=self.name)
        yield Response(chat_message=message, inner_messages=[asked])

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        return None

    def _message(self, answer: Answer) -> BaseChatMessage:
        if answer.decision == "end":
            return StopMessage(content=answer.text or ENDED, source=self.name)
        return TextMessage(content=YOU_DECIDE if answer.decision == "decide" else answer.text, source=self.name)

    async def _call(self, input_func: InputFunc, token: CancellationToken) -> str:
        if inspect.iscoroutinefunction(input_func):
            return cast(str, await cast(Any, input_func)(PROMPT, token))
        return await asyncio.to_thread(cast(Callable[[str], str], input_func), PROMPT)
