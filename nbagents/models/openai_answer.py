"""An answer of OpenAI's chat completions, put together from its chunks; one that comes whole is one chunk."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .characters import mended
from .messages import (
    ChatCompletionTokenLogprob,
    CreateResult,
    FinishReasons,
    FunctionCall,
    RequestUsage,
    TopLogprob,
)
from .notices import CallPiece
from .openai_tools import WireTools
from .thinking import ThinkingText
from .wire_values import MOST_CALLS, count, label, text

FINISH_REASONS: dict[str, FinishReasons] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "function_calls",
    "function_call": "function_calls",
    "content_filter": "content_filter",
    "end_turn": "stop",
}
"""What servers say, in lower case; the last is Anthropic's, which some pass on."""
_CUT = ("length", "content_filter")
_THINKING = re.compile(r"\s*<think>(.*?)</think>\s*", re.S)


@dataclass(eq=False)
class _Call:
    """A call while its pieces come."""

    index: int | None
    id: str = ""
    name: str = ""
    arguments: str = ""


class Answer:
    """What came of a stream so far.

    Args:
        tools: the tools of the request.
        thinks_aloud: the model writes its thoughts into its text, between ``<think>`` and ``</think>``.
    """

    def __init__(self, tools: WireTools, *, thinks_aloud: bool) -> None:
        self.refusal = self.model = ""
        self._tools, self._thinks_aloud = tools, thinks_aloud
        self._said = ThinkingText()
        self.finish_reason: str | None = None
        self.usage = RequestUsage()
        self.counted = False
        """The server's count is of all that came: it stands in the latest chunk."""
        self._index: int | None = None
        self._calls: list[_Call] = []
        self._logprobs: list[ChatCompletionTokenLogprob] = []

    def add(self, chunk: Any) -> Iterator[str | CallPiece]:
        """Take one chunk in; yields what it adds to calls and text, reasoning between ``<think>`` and ``</think>``.

        Raises:
            ValueError: the chunk has not the shape of one.
        """
        try:
            yield from self._add(chunk)
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            # The SDK builds its objects without checking them; a proxy's page of HTML comes as a mere string.
            raise ValueError(f"{type(chunk).__name__} of another shape: {error}") from error

    def add_whole(self, answer: Any) -> None:
        """Take in an answer that comes in one, which has the shape of a chunk.

        Raises:
            ValueError: it has not.
        """
        for _ in self.add(answer):
            pass  # in one piece there is nothing to show

    def _add(self, chunk: Any) -> Iterator[str | CallPiece]:
        if isinstance(chunk.model, str | int):  # what is not needed for an answer may be anything
            self.model = label(chunk.model) or self.model
        said = chunk.usage and RequestUsage(count(chunk.usage.prompt_tokens), count(chunk.usage.completion_tokens))
        self.counted = bool(said) and said != RequestUsage()  # some servers say 0 until they know
        self.usage = said or self.usage
        if not chunk.choices:
            return
        choice = chunk.choices[0]
        index = getattr(choice, "index", None)
        self._index = index if self._index is None else self._index
        if index != self._index:
            return  # of several answers (`n`), whose pieces come mixed, the first is the answer
        if self.finish_reason not in _CUT:  # what was cut off is not made whole by a second reason
            self.finish_reason = text(choice.finish_reason).lower() or self.finish_reason
        delta = getattr(choice, "message", None) or choice.delta
        if delta is None:
            return
        if getattr(delta, "function_call", None):
            raise ValueError("function_call is deprecated and is not supported by this model client")
        for number, piece in enumerate(delta.tool_calls or ()):
            # The calls of an answer that comes whole are not numbered.
            yield self._add_call(piece, getattr(piece, "index", number))
        self._add_logprobs(getattr(choice, "logprobs", None))
        refusal = getattr(delta, "refusal", None)
        self.refusal += refusal if isinstance(refusal, str) else ""
        # Servers of reasoning models send the thought beside the text, under a name of their own.
        reasoning = getattr(delta, "reasoning_content", None) or getattr(delta, "reasoning", None) or ""
        yield from self._said.add(reasoning if isinstance(reasoning, str) else "", text(delta.content))

    @property
    def text(self) -> str:
        return self._said.text

    @property
    def written(self) -> str:
        """All that the model wrote so far: text, thought and the arguments of calls."""
        calls = (part for call in self._calls for part in (call.name, call.arguments))
        return "".join([self._said.thought, self._said.text, self.refusal, *calls])

    @property
    def empty(self) -> bool:
        """Nothing that could be an answer has come."""
        return not (self._said.text.strip() or self._calls or self.refusal)

    def end(self) -> Iterator[str]:
        """What the end of the stream adds to the text that is shown."""
        return self._said.end()

    def _add_call(self, piece: Any, index: int | None) -> CallPiece:
        """One piece of a call: the first has id and name; on some servers the others have them too."""
        call, id = next((call for call in reversed(self._calls) if call.index == index), None), label(piece.id)
        # Some servers do not count: a new id under an old index is a new call.
        if call is None or (id and call.id and id != call.id):
            if len(self._calls) == MOST_CALLS:
                raise ValueError(f"more than {MOST_CALLS:,} calls in one answer")
            call = _Call(index)
            self._calls.append(call)
        call.id, arguments = call.id or id, ""
        if piece.function is not None:
            call.name = call.name or label(piece.function.name)
            arguments = _as_json(piece.function.arguments)
        call.arguments += arguments
        return CallPiece(self._calls.index(call), call.id, self._tools.ours(call.name), arguments)

    def _add_logprobs(self, logprobs: Any) -> None:
        for token in (logprobs.content if logprobs is not None else None) or ():
            top = [TopLogprob(other.logprob, other.bytes) for other in token.top_logprobs or ()]
            self._logprobs.append(
                ChatCompletionTokenLogprob(
                    token=label(token.token), logprob=token.logprob, top_logprobs=top, bytes=token.bytes
                )
            )

    def result(self) -> CreateResult:
        """The whole answer; what a model says beside its calls, or before them, is its thought."""
        said, thought = self._said.text, self._said.thought or None
        if self._thinks_aloud and thought is None and (found := _THINKING.match(said)):
            said, thought = said[found.end() :], found[1].strip()
        finish: FinishReasons = FINISH_REASONS.get(self.finish_reason or "", "unknown")
        content: str | list[FunctionCall] = said
        if self._calls:
            finish, thought = "function_calls" if finish in ("stop", "unknown") else finish, thought or said or None
            content = [self._made(call) for call in self._calls]
        elif self.refusal and not said:
            content, finish = mended(self.refusal), "content_filter"
        return CreateResult(
            finish_reason=finish,
            content=content,
            usage=self.usage,
            logprobs=self._logprobs or None,
            thought=thought,
            model=self.model,
        )

    def _made(self, call: _Call) -> FunctionCall:
        id = call.id or f"call_{uuid.uuid4().hex}"
        return FunctionCall(id, mended(call.arguments) or "{}", self._tools.ours(call.name))


def _as_json(arguments: Any) -> str:
    """A call's arguments; some servers send the object in the place of its JSON."""
    return json.dumps(arguments) if isinstance(arguments, dict) else text(arguments)
