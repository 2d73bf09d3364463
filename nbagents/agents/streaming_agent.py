"""`StreamingChatAgent`: an agent that says what it does while it does it. What the agents of nbagents are made of."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from ..cancellation import CancellationToken
from ..messages import BaseAgentEvent, BaseChatMessage
from ..models.linked import closing
from ..runtime import current_gate, ensured_gate, in_a_run
from .chat_agent import BaseChatAgent
from .overriding import is_overridden
from .streaming import Emit, emitted
from .task import Response, no_response


class StreamingChatAgent(BaseChatAgent):
    """Subclasses write `_take_turn`, and both `on_messages` come of it.

    A turn passes the gate of the run that it is part of; called by itself, outside of any run, it has one of its own.
    """

    @abstractmethod
    def _take_turn(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        """Yield what happens, and the `Response` last."""

    async def on_messages(self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken) -> Response:
        async with closing(self.on_messages_stream(messages, cancellation_token)) as stream:
            async for item in stream:
                if isinstance(item, Response):
                    return item
        raise no_response(self.name)

    async def _respond_in_run(self, messages: list[BaseChatMessage], token: CancellationToken) -> Response:
        """As in every agent; but where `on_messages` is the stream, what happens is recorded while it happens."""
        if is_overridden(self.on_messages, StreamingChatAgent.on_messages):
            return await super()._respond_in_run(messages, token)
        gate = current_gate()
        async with closing(self.on_messages_stream(messages, token)) as stream:
            async for item in stream:
                gate.record(item.chat_message if isinstance(item, Response) else item)
                if isinstance(item, Response):
                    return item
        raise no_response(self.name)

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        if in_a_run():
            stream = self._take_turn(messages, cancellation_token)
        else:
            stream = emitted(lambda emit: self._turn_alone(messages, emit, cancellation_token), cancellation_token)
        async with aclosing(stream):
            async for item in stream:
                yield item

    async def _turn_alone(
        self, messages: Sequence[BaseChatMessage], emit: Emit, cancellation_token: CancellationToken
    ) -> Response:
        """The turn, in a gate of its own."""
        with ensured_gate() as gate:
            async with aclosing(self._take_turn(messages, cancellation_token)) as stream:
                async for item in stream:
                    gate.record(item.chat_message if isinstance(item, Response) else item)
                    if isinstance(item, Response):
                        return item
                    emit(item)
        raise no_response(self.name)
