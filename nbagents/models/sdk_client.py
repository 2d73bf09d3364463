"""`SDKChatCompletionClient`: what all clients on an SDK do alike: ask, ask again, and take only what is whole.

What goes wrong is one typed error, and what a failed attempt cost is told. A provider's client says how a question and
its answer look (`_asked`) and how it is sent (`_send`); `SDKAccess` says to whom.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence, Set
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from pydantic import BaseModel

from ..cancellation import CancellationToken
from ..errors import ModelConnectionError, ModelError, UnknownArgument
from .attempt import Attempt, SDKAnswer
from .characters import mended_all
from .complete_answer import check_complete
from .direct_calls import tell_answered, tell_asked
from .guarded_http import answers_told
from .linked import closing, linked, linked_items
from .messages import CreateResult, LLMMessage, RequestUsage
from .notices import FailedAttempt, tell
from .offered import OfferedTool, ToolChoice
from .request import check_supported
from .sdk_access import SDKAccess
from .sdk_errors import translated_errors
from .token_estimate import BYTES_PER_TOKEN

OF_THE_REQUEST = ("stream", "timeout", "extra_headers", "extra_query", "extra_body")
"""What the SDKs take beside the arguments that are sent."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, as `create` takes it.

    Args:
        extra: what the provider gets as it is, the client's own included.
        closings: so often the client had been closed before.
    """

    messages: Sequence[LLMMessage]
    tools: Sequence[OfferedTool]
    tool_choice: ToolChoice
    json_output: bool | type[BaseModel] | None
    extra: dict[str, Any]
    closings: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A question in the protocol of its provider.

    Args:
        request: the arguments of the SDK's call.
        answer: makes the place for the answer to one attempt.
    """

    request: dict[str, Any]
    answer: Callable[[], SDKAnswer]


class SDKChatCompletionClient(SDKAccess):
    """Asks a model through the SDK of its provider."""

    bytes_per_token: ClassVar[float] = BYTES_PER_TOKEN
    _usage = RequestUsage()

    def total_usage(self) -> RequestUsage:
        """Tokens of all calls so far, those of failed attempts included as far as they are known."""
        return self._usage

    async def create(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[OfferedTool] = (),
        tool_choice: ToolChoice = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> CreateResult:
        question = self._question(messages, tools, tool_choice, json_output, extra_create_args)
        asked = self._asked(question)

        async def ask() -> CreateResult:
            with self._attempt(question, asked) as attempt:
                attempt.add_whole(await self._sent(attempt, asked, cancellation_token, stream=False))
                return self._complete(attempt.answer)

        result = await self._retry.whole(ask, cancellation_token)
        tell_answered(messages, result, streamed=False)
        return result

    async def create_stream(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[OfferedTool] = (),
        tool_choice: ToolChoice = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        max_consecutive_empty_chunk_tolerance: int = 0,
    ) -> AsyncGenerator[str | CreateResult, None]:
        """As `ChatCompletionClient.create_stream`; calls of tools are told as they are written (`notices.CallPiece`).

        Args:
            max_consecutive_empty_chunk_tolerance: AutoGen's; empty chunks never end a stream here.
        """
        question = self._question(messages, tools, tool_choice, json_output, extra_create_args)
        asked = self._asked(question)

        async def ask() -> AsyncGenerator[str | CreateResult, None]:
            with self._attempt(question, asked) as attempt:
                async with (
                    closing(await self._sent(attempt, asked, cancellation_token, stream=True)) as stream,
                    aclosing(linked_items(aiter(stream), cancellation_token)) as pieces,
                ):
                    async for piece in pieces:
                        for said in attempt.add(piece):
                            if isinstance(said, str):
                                yield said
                            else:
                                tell(said)
                for text in attempt.answer.end():
                    yield text
                result = self._complete(attempt.answer)
            yield result

        tell_asked(messages)
        async with aclosing(self._retry.streamed(ask, cancellation_token)) as parts:
            async for part in parts:
                if isinstance(part, CreateResult):
                    tell_answered(messages, part, streamed=True)
                yield part

    def _question(
        self,
        messages: Sequence[LLMMessage],
        tools: Sequence[OfferedTool],
        tool_choice: ToolChoice,
        json_output: bool | type[BaseModel] | None,
        extra: Mapping[str, Any] | None,
    ) -> Question:
        check_supported(self._model_info, messages, tools, json_output)
        return Question(messages, tools, tool_choice, json_output, {**self._extra, **(extra or {})}, self._closings)

    @contextmanager
    def _attempt(self, question: Question, asked: Asked) -> Iterator[Attempt]:
        """One attempt: what goes wrong is raised as ours, and what it cost all the same is told."""
        attempt = Attempt(asked.answer())
        try:
            self._check_open(question)
            with translated_errors(self.package, self._server):
                yield attempt
        except BaseException as error:
            if attempt.paid_for(error):
                prompt = partial(self.count_tokens, question.messages, tools=question.tools)
                usage, estimated = attempt.cost(prompt, self.bytes_per_token)
                self._usage += usage
                whose = (self.provider, self.model, attempt.answer.model, self.billed_by)
                tell(FailedAttempt(*whose, usage, estimated))
            if isinstance(error, ModelError):
                self._check_open(question)
            raise

    def _check_open(self, question: Question) -> None:
        """Refuse to go on for somebody who has closed the client: the connection that broke was theirs to break."""
        if self._closings != question.closings:
            raise self._server.error(ModelConnectionError, "the client was closed while it was asked")

    async def _sent(self, attempt: Attempt, asked: Asked, token: CancellationToken | None, *, stream: bool) -> Any:
        """What the SDK returns; the attempt is told when the server begins to answer."""
        sdk = await linked(self._connected(), token)
        with answers_told(attempt.answering):
            try:
                return await linked(self._send(sdk, asked.request, stream=stream), token)
            except UnicodeEncodeError:  # half a character cannot be sent
                return await linked(self._send(sdk, mended_all(asked.request), stream=stream), token)

    def _known(self, request: dict[str, Any], known: Set[str]) -> dict[str, Any]:
        """The request without what the SDK does not know and every request has; AutoGen leaves that out as well.

        Raises:
            UnknownArgument: a single call asks for it.
        """
        unknown = request.keys() - known
        if asked := unknown - self._extra.keys():
            raise UnknownArgument(f"Extra create args are invalid: {asked}")
        if unknown:
            warnings.warn(f"{self._server.name}: the client knows no {', '.join(sorted(unknown))}", stacklevel=2)
        return {name: value for name, value in request.items() if name not in unknown}

    def _complete(self, answer: SDKAnswer) -> CreateResult:
        """The whole answer.

        Raises:
            ModelResponseError: it is not whole.
        """
        result = answer.result()
        check_complete(self._server, answer.finish_reason, answer.text, answer.empty or not result.content)
        self._usage += answer.usage
        return result

    @abstractmethod
    def _asked(self, question: Question) -> Asked:
        """The question as the server knows it."""

    @abstractmethod
    def _send(self, sdk: Any, request: dict[str, Any], *, stream: bool) -> Awaitable[Any]:
        """Send it."""
