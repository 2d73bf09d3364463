"""`UserProxyAgent`: a person as an agent. Name and signature are AutoGen's."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, Self, cast

from ..cancellation import CancellationToken
from ..component import Component
from ..errors import NBAgentsError, RunFailed
from ..messages import BaseChatMessage, HandoffMessage, StopMessage, TextMessage, UserInputRequestedEvent
from ..runtime import Answer, Question, current_gate
from ..waiting import is_async, wait_in_thread
from .configs import UserProxyAgentConfig
from .overriding import is_overridden
from .streaming_agent import StreamingChatAgent
from .task import Response

SyncInputFunc = Callable[[str], str]
AsyncInputFunc = Callable[[str, CancellationToken | None], Awaitable[str]]
InputFunc = SyncInputFunc | AsyncInputFunc

PROMPT = "Enter your response: "
YOU_DECIDE = "You decide."
ENDED = "The person ended the conversation."


class UserProxyAgent(StreamingChatAgent, Component[UserProxyAgentConfig]):
    """Asks a person for each of its turns. Nothing times out: people take their time.

    Args:
        name: a Python identifier, unique in a team.
        description: who the person is, as the other agents read it.
        input_func: gets the prompt and returns the reply (an async one also gets the cancellation token);
            None asks where the run is shown: in the notebook, or on the terminal.
    """

    component_config_schema = UserProxyAgentConfig

    class InputRequestContext:
        """Says within an `input_func` which request it answers."""

        _REQUEST: ClassVar[ContextVar[str]] = ContextVar("nbagents_input_request")

        def __init__(self) -> None:
            raise RuntimeError("InputRequestContext cannot be instantiated: call InputRequestContext.request_id()")

        @classmethod
        @contextmanager
        def populate_context(cls, request_id: str) -> Iterator[None]:
            """Make `request_id` the one that is being answered."""
            token = cls._REQUEST.set(request_id)
            try:
                yield
            finally:
                cls._REQUEST.reset(token)

        @classmethod
        def request_id(cls) -> str:
            """The id of the `UserInputRequestedEvent`.

            Raises:
                RuntimeError: nobody is being asked here.
            """
            try:
                return cls._REQUEST.get()
            except LookupError:
                raise RuntimeError(
                    "InputRequestContext.request_id() must be called within the input callback of a UserProxyAgent."
                ) from None

    def __init__(self, name: str, *, description: str = "A human user", input_func: InputFunc | None = None) -> None:
        super().__init__(name, description)
        self.input_func = input_func

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return (TextMessage, HandoffMessage, StopMessage)

    async def on_reset(self, cancellation_token: CancellationToken | None = None) -> None:
        return None

    async def _take_turn(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[UserInputRequestedEvent | Response, None]:
        handoff = self._get_latest_handoff(messages)
        asked = UserInputRequestedEvent(request_id=str(uuid.uuid4()), source=self.name)
        yield asked
        answer = await self._ask_person(asked.request_id, handoff, cancellation_token)
        # The request is not among the inner messages: conditions look at what is said, not at being asked.
        yield Response(chat_message=self._as_message(answer, handoff))

    def _get_latest_handoff(self, messages: Sequence[BaseChatMessage]) -> HandoffMessage | None:
        """The handoff that made it the person's turn.

        Raises:
            RunFailed: the last message hands off to somebody else.
        """
        last = messages[-1] if messages else None
        if not isinstance(last, HandoffMessage):
            return None
        if last.target != self.name:
            raise RunFailed(
                f"Failed to get user input: Handoff message target does not match agent name: {last.source} handed off "
                f"to {last.target!r}, and this is {self.name!r}",
                agent=self.name,
            )
        return last

    async def _ask_person(self, request_id: str, handoff: HandoffMessage | None, token: CancellationToken) -> Answer:
        """The person's answer, through the gate.

        Raises:
            HumanInputUnavailable: nobody can be asked.
            RunFailed: `input_func` raised, or `input` itself.
        """
        own = self.input_func is not None or is_overridden(self._get_input, UserProxyAgent._get_input)
        prompt = PROMPT if own else f"{self.name}, it is your turn."
        if handoff is not None:
            prompt = f"Handoff received from {handoff.source}. {PROMPT}"

        async def ask(question: Question) -> None:
            question.answer(Answer("reply", text=await self._get_input(prompt, token), channel="input_func"))

        with self.InputRequestContext.populate_context(request_id):
            try:
                return await current_gate().person(self.name, prompt, asker=ask if own else None)
            except NBAgentsError:
                raise
            except Exception as error:
                raise RunFailed(f"Failed to get user input: {error}", agent=self.name) from error

    async def _get_input(self, prompt: str, cancellation_token: CancellationToken | None) -> str:
        """What `input_func` says; a subclass may ask the person in its own way, as AutoGen's do."""
        assert self.input_func is not None, "without it, the person is asked where the run is shown"
        return await reply_of(self.input_func, prompt, cancellation_token)

    def _as_message(self, answer: Answer, handoff: HandoffMessage | None) -> BaseChatMessage:
        if answer.decision == "end":
            return StopMessage(content=answer.text or ENDED, source=self.name)
        text = YOU_DECIDE if answer.decision == "decide" else answer.text
        if handoff is not None:
            return HandoffMessage(content=text, target=handoff.source, source=self.name)
        return TextMessage(content=text, source=self.name)

    def _to_config(self) -> UserProxyAgentConfig:
        return UserProxyAgentConfig(name=self.name, description=self.description)

    @classmethod
    def _from_config(cls, config: UserProxyAgentConfig) -> Self:
        return cls(config.name, description=config.description)


async def reply_of(input_func: InputFunc, prompt: str, token: CancellationToken | None) -> str:
    """The reply of an async function, or of one that is not and waits in a thread.

    Raises:
        TypeError: it is no text.
    """
    if is_async(input_func):
        reply: Any = await cast(AsyncInputFunc, input_func)(prompt, token)
    else:
        reply = await wait_in_thread(cast(SyncInputFunc, input_func), prompt)
        if inspect.isawaitable(reply):  # a function that is not async and gives back what an async one did
            reply = await reply
    if not isinstance(reply, str):
        raise TypeError(f"input_func returned {reply!r}: expected the reply as a str")
    return reply
