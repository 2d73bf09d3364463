"""What is told the log ``nbagents.runtime.events`` of model and tool calls; names and shapes are AutoGen's.

They are those of ``autogen_core.logging``: one object per event, which is a line of JSON as text. Nothing is built
unless that logger is enabled for INFO, and what is built has passed the gate's redaction.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from pydantic_core import to_json, to_jsonable_python

from ..models.characters import mended_all
from ..models.direct_calls import log_to
from ..models.messages import CreateResult, LLMMessage
from ..tools.results import ToolResult
from .redaction import Redactor, redacted
from .spans import tool_span

ROOT_LOGGER_NAME = "nbagents"
EVENT_LOGGER_NAME = "nbagents.runtime.events"
TRACE_LOGGER_NAME = "nbagents.runtime.trace"

event_logger = logging.getLogger(EVENT_LOGGER_NAME)


class Event:
    """Keeps its facts in `kwargs`; as text they are JSON."""

    def __init__(self, **facts: Any) -> None:
        self.kwargs: dict[str, Any] = {"type": type(self).__name__.removesuffix("Event"), **facts}

    def __str__(self) -> str:
        try:
            return to_json(self.kwargs, fallback=repr).decode()
        except ValueError:  # half of a character, which no JSON of pydantic's can hold
            return to_json(mended_all(to_jsonable_python(self.kwargs, fallback=repr))).decode()


class _OfAgent(Event):
    """An event of an agent: of the one that is named, else of the one whose handler is running."""

    def __init__(self, **facts: Any) -> None:
        facts.setdefault("agent_id", _handling())
        super().__init__(**facts)


class _Counted(_OfAgent):
    """An event with tokens."""

    @property
    def prompt_tokens(self) -> int:
        """Tokens of what was asked."""
        return int(self.kwargs["prompt_tokens"])

    @property
    def completion_tokens(self) -> int:
        """Tokens of the answer."""
        return int(self.kwargs["completion_tokens"])


class LLMCallEvent(_Counted):
    """A model answered."""

    def __init__(
        self,
        *,
        messages: list[dict[str, Any]],
        response: dict[str, Any],
        prompt_tokens: int,
        completion_tokens: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            messages=messages,
            response=response,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            **kwargs,
        )


class LLMStreamStartEvent(_OfAgent):
    """A model is asked, and will answer in pieces."""

    def __init__(self, *, messages: list[dict[str, Any]], **kwargs: Any) -> None:
        super().__init__(messages=messages, **kwargs)


class LLMStreamEndEvent(_Counted):
    """A model has answered in pieces."""

    def __init__(self, *, response: dict[str, Any], prompt_tokens: int, completion_tokens: int, **kwargs: Any) -> None:
        super().__init__(response=response, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens, **kwargs)


class ToolCallEvent(_OfAgent):
    """A tool was called."""

    def __init__(self, *, tool_name: str, arguments: dict[str, Any], result: str, **kwargs: Any) -> None:
        super().__init__(tool_name=tool_name, arguments=arguments, result=result, **kwargs)


Redact = Callable[[str], str]


def log_question(agent: str | None, messages: Sequence[LLMMessage], redact: Redact) -> None:
    """A model is asked for a stream."""
    if event_logger.isEnabledFor(logging.INFO):
        event_logger.info(LLMStreamStartEvent(messages=_clean(messages, redact), agent_id=agent))


def log_answer(
    agent: str | None, messages: Sequence[LLMMessage], result: CreateResult, redact: Redact, *, streamed: bool
) -> None:
    """A model answered."""
    if event_logger.isEnabledFor(logging.INFO):
        facts: dict[str, Any] = {
            "response": _clean(result, redact),
            "prompt_tokens": result.usage.prompt_tokens,
            "completion_tokens": result.usage.completion_tokens,
            "agent_id": agent,
        }
        event = LLMStreamEndEvent(**facts) if streamed else LLMCallEvent(messages=_clean(messages, redact), **facts)
        event_logger.info(event)


def log_tool_call(
    agent: str | None, name: str, arguments: Mapping[str, Any], result: ToolResult, redact: Redact
) -> None:
    """A tool was called; its result has passed the redaction already."""
    if event_logger.isEnabledFor(logging.INFO):
        clean = _clean(dict(arguments), redact)
        event_logger.info(ToolCallEvent(tool_name=name, arguments=clean, result=result.to_text(), agent_id=agent))


class _DirectCalls:
    """Logs the calls that pass no gate, as if one had seen them; the agent is the one whose handler is running."""

    def asked(self, messages: Sequence[LLMMessage]) -> None:
        if event_logger.isEnabledFor(logging.INFO):
            log_question(_handling(), messages, Redactor.from_environment())

    def answered(self, messages: Sequence[LLMMessage], result: CreateResult, *, streamed: bool) -> None:
        if event_logger.isEnabledFor(logging.INFO):
            log_answer(_handling(), messages, result, Redactor.from_environment(), streamed=streamed)

    def calling(self, tool: str, *, current: bool) -> AbstractContextManager[Any]:
        return tool_span(tool, current=current)

    def called(self, tool: str, arguments: Mapping[str, Any], result: Callable[[], str]) -> None:
        if event_logger.isEnabledFor(logging.INFO):
            redact = Redactor.from_environment()  # as it is now: there is no run that began once
            log_tool_call(_handling(), tool, arguments, ToolResult.of_text(tool, redact(result())), redact)


log_to(_DirectCalls())


def _clean(value: Any, redact: Redact) -> Any:
    return redacted(_as_json(value), redact)


def _as_json(value: Any) -> Any:
    try:
        return to_jsonable_python(value, fallback=repr)
    except ValueError:  # half of a character, or bytes that are no text: a log is no reason to fail
        return {str(name): repr(item) for name, item in value.items()} if isinstance(value, dict) else repr(value)


def _handling() -> str | None:
    # The core is imported only where somebody builds such an event without saying whose it is.
    from .core.context import HANDLING

    agent_id = HANDLING.get(None)
    return None if agent_id is None else str(agent_id)
