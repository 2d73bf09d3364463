"""An answer of Anthropic's Messages API, put together from the events of its stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .anthropic_tools import ANSWER, AnthropicTools
from .characters import mended
from .messages import CreateResult, FinishReasons, FunctionCall, RequestUsage
from .notices import CallPiece
from .thinking import ThinkingText
from .wire_values import MOST_CALLS, count, label, text

FINISH_REASONS: dict[str, FinishReasons] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "function_calls",
    "refusal": "content_filter",
}


@dataclass(eq=False)
class _Block:
    """One block of the answer while its pieces come."""

    kind: str
    id: str = ""
    name: str = ""
    json: str = ""
    signed: dict[str, Any] = field(default_factory=dict)
    """A thought as it must go back."""


class AnthropicAnswer:
    """What came of a stream so far."""

    def __init__(self, tools: AnthropicTools) -> None:
        self.model = ""
        self.counted = False
        """The server's count is of all that came: it is said at the end."""
        self._stop_reason: str | None = None
        self._ended = False
        self._tools = tools
        self._said = ThinkingText()
        self._blocks: dict[int, _Block] = {}
        self._input = self._output = 0

    def add(self, event: Any) -> Iterator[str | CallPiece]:
        """Take one event in; yields what it adds to calls and text, a thought between ``<think>`` and ``</think>``.

        Raises:
            ValueError: the event has not the shape of one.
        """
        try:
            yield from self._add(event)
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise ValueError(f"{type(event).__name__} of another shape: {error}") from error

    def add_whole(self, message: Any) -> None:
        """Take in an answer that comes in one.

        Raises:
            ValueError: it has not the shape of one.
        """
        try:
            self._begin(message)
            for index, block in enumerate(message.content):
                for _ in self._start(index, block):
                    pass  # in one piece there is nothing to show
                if block.type == "tool_use":
                    self._blocks[index].json = json.dumps(block.input)
            self._stop_reason, self._ended, self.counted = text(message.stop_reason), True, message.usage is not None
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise ValueError(f"{type(message).__name__} of another shape: {error}") from error

    def _add(self, event: Any) -> Iterator[str | CallPiece]:
        if event.type == "message_start":
            self._begin(event.message)
        elif event.type == "content_block_start":
            yield from self._start(event.index, event.content_block)
        elif event.type == "content_block_delta":
            yield from self._delta(self._blocks[event.index], event.delta)
        elif event.type == "message_delta":
            self._stop_reason = text(event.delta.stop_reason) or self._stop_reason
            self._count(event.usage)
            self.counted = event.usage is not None and self._output > 0
        elif event.type == "message_stop":
            self._ended = True

    def _begin(self, message: Any) -> None:
        self.model = label(message.model)
        self._count(message.usage)

    def _count(self, usage: Any) -> None:
        """Counts in a stream are of all so far; what comes from or goes into the prompt cache is prompt too."""
        if usage is None:
            return
        parts = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        self._input = sum(count(getattr(usage, part, None)) for part in parts) or self._input
        self._output = count(getattr(usage, "output_tokens", None)) or self._output

    def _start(self, index: int, block: Any) -> Iterator[str | CallPiece]:
        kind = block.type
        if len(self._blocks) == MOST_CALLS:
            raise ValueError(f"more than {MOST_CALLS:,} parts in one answer")
        id, name = (label(getattr(block, field, None)) for field in ("id", "name"))
        self._blocks[index] = made = _Block(kind, id, name)
        if kind == "redacted_thinking":
            made.signed = {"type": kind, "data": block.data}
        elif kind == "thinking":
            made.signed = {"type": kind, "thinking": text(block.thinking), "signature": text(block.signature)}
            yield from self._said.add(thought=text(block.thinking))
        elif kind == "text":
            yield from self._said.add(text=text(block.text))
        elif kind == "tool_use" and not self._is_answer(made):
            yield self._call_piece(made, "")

    def _delta(self, block: _Block, delta: Any) -> Iterator[str | CallPiece]:
        if delta.type == "text_delta":
            yield from self._said.add(text=text(delta.text))
        elif delta.type == "thinking_delta":
            block.signed["thinking"] += text(delta.thinking)
            yield from self._said.add(thought=delta.thinking or "")
        elif delta.type == "signature_delta":
            block.signed["signature"] += text(delta.signature)
        elif delta.type == "input_json_delta":
            block.json += text(delta.partial_json)
            if not self._is_answer(block):
                yield self._call_piece(block, delta.partial_json or "")
            elif delta.partial_json:
                yield from self._said.end()
                yield delta.partial_json  # of an answer of a given form, the JSON is what is said

    def _call_piece(self, block: _Block, arguments: str) -> CallPiece:
        return CallPiece(self._used.index(block), block.id, self._tools.ours(block.name), arguments)

    def _is_answer(self, block: _Block) -> bool:
        return block.kind == "tool_use" and self._tools.answers_by_call and block.name == ANSWER

    def end(self) -> Iterator[str]:
        """What the end of the stream adds to the text that is shown."""
        return self._said.end()

    @property
    def finish_reason(self) -> str | None:
        """Why it ended, as the server says it; None while it has not, though the reason be known."""
        return self._stop_reason if self._ended else None

    @property
    def usage(self) -> RequestUsage:
        return RequestUsage(self._input, self._output)

    @property
    def text(self) -> str:
        return self._said.text

    @property
    def written(self) -> str:
        """All that the model wrote so far: text, thought and the arguments of calls."""
        calls = (part for block in self._used for part in (block.name, block.json))
        return "".join([self._said.thought, self._said.text, *calls])

    @property
    def empty(self) -> bool:
        """Nothing that could be an answer has come."""
        return not self._said.text.strip() and not self._used

    @property
    def _used(self) -> list[_Block]:
        """The calls so far; one of them may be the answer."""
        return [block for block in self._blocks.values() if block.kind == "tool_use"]

    @property
    def thoughts(self) -> list[dict[str, Any]]:
        """The model's thoughts as they must go back with its calls."""
        return [block.signed for block in self._blocks.values() if block.signed]

    def result(self) -> CreateResult:
        """The whole answer; what a model says beside its calls, or before them, is its thought."""
        used = self._used
        # A model that answers beside calling a tool guesses: the tool comes first.
        calls = [block for block in used if not self._is_answer(block)]
        finish = FINISH_REASONS.get(self._stop_reason or "", "unknown")
        thought: str | None = self._said.thought or None
        content: str | list[FunctionCall] = self._said.text
        if used:
            thought = thought or self._said.text or None
        if calls:
            content = [self._made(block) for block in calls]
        elif used:
            content, finish = mended(used[0].json) or "{}", "length" if finish == "length" else "stop"
        return CreateResult(finish_reason=finish, content=content, usage=self.usage, thought=thought, model=self.model)

    def _made(self, block: _Block) -> FunctionCall:
        return FunctionCall(block.id, mended(block.json) or "{}", self._tools.ours(block.name))
