"""Calls that pass no gate, of a program that asks a client or runs a tool itself: they are logged all the same.

Clients and tools stand below the event log and cannot reach it: it says here that it wants to be told, once
`nbagents.runtime` is imported, as it is with any agent. What the gate does it logs itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from .messages import CreateResult, LLMMessage
from .notices import is_heard


class CallLog(Protocol):
    """Where such calls are logged."""

    def asked(self, messages: Sequence[LLMMessage]) -> None:
        """A model is asked for a stream."""

    def answered(self, messages: Sequence[LLMMessage], result: CreateResult, *, streamed: bool) -> None:
        """A model answered."""

    def calling(self, tool: str, *, current: bool) -> AbstractContextManager[Any]:
        """A tool is running within; its span is the current one if `current`."""

    def called(self, tool: str, arguments: Mapping[str, Any], result: Callable[[], str]) -> None:
        """A tool was run; the text of its result is made only where it is logged."""


_log: CallLog | None = None


def log_to(log: CallLog) -> None:
    """Let direct calls be told to `log` from now on."""
    global _log
    _log = log


def tell_asked(messages: Sequence[LLMMessage]) -> None:
    """Tell that a model is asked for a stream, unless the gate hears of it."""
    if _log is not None and not is_heard():
        _log.asked(messages)


def tell_answered(messages: Sequence[LLMMessage], result: CreateResult, *, streamed: bool) -> None:
    """Tell what a model answered, unless the gate hears of it."""
    if _log is not None and not is_heard():
        _log.answered(messages, result, streamed=streamed)


def calling(tool: str, *, current: bool = True) -> AbstractContextManager[Any]:
    """Within, a tool is running; with `current` False where it is left in another context than it was entered in."""
    return nullcontext() if _log is None else _log.calling(tool, current=current)


def tell_called(tool: str, arguments: Mapping[str, Any], result: Callable[[], str]) -> None:
    """Tell that a tool was run, and how to make the text of its result."""
    if _log is not None:
        _log.called(tool, arguments, result)
