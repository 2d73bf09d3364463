"""What a model client tells of a call while it goes on, beside its answer: to the gate of the run, which listens.

A stream yields text and the result and nothing else, as AutoGen's do, and a call that goes well may have cost an
attempt that did not. So a retry, what a failed attempt cost and a call of a tool as it is being written go this way:
to whoever listens in the context of the call, in the thread on which it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from ..errors import ModelError
from .messages import CreateResult, LLMMessage, RequestUsage


@dataclass(frozen=True, slots=True)
class RetryNotice:
    """A model is about to be asked again, or another one in its place.

    Args:
        provider: whose model failed.
        model: its name.
        error: why.
        attempt: which attempt failed, counted from 1.
        attempts: how many there may be.
        wait: seconds until the next one.
        fallback: who is asked instead, as provider/name; "" for the same model.
    """

    provider: str
    model: str
    error: ModelError
    attempt: int
    attempts: int
    wait: float
    fallback: str = ""


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """A server began to answer, and no answer came of it: it broke off, was left, or could not be taken for one.

    Args:
        provider: whose model it was.
        model: its name as it was asked.
        answered: the name that it gave itself; "" where it had not yet.
        billed_by: whose price list holds.
        usage: what it cost in tokens, at least.
        estimated: the provider did not count them to the end.
    """

    provider: str
    model: str
    answered: str
    billed_by: str
    usage: RequestUsage
    estimated: bool


@dataclass(frozen=True, slots=True)
class CallPiece:
    """A model writes a call of a tool: its name, then its arguments in pieces.

    Args:
        index: which of the answer's calls, counted from 0: they may come mixed.
        id: the call's id as the provider says it; "" where it has not, or never does.
        name: the tool.
        arguments: what comes of their JSON; "" with the name alone.
    """

    index: int
    id: str
    name: str
    arguments: str


Notice = RetryNotice | FailedAttempt | CallPiece
Listener = Callable[[Notice], None]

_listener: ContextVar[Listener | None] = ContextVar("nbagents_model_listener", default=None)


def tell(notice: Notice) -> None:
    """Tell whoever listens.

    Raises:
        BudgetReached: of a `RetryNotice`: another attempt could cost more than is left.
    """
    listener = _listener.get()
    if listener is not None:
        listener(notice)


class listening:
    """Within, model clients tell `listener`; a class, because each call of a model pays for it."""

    __slots__ = ("_listener", "_token")

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def __enter__(self) -> None:
        self._token = _listener.set(self._listener)

    def __exit__(self, *_: object) -> None:
        _listener.reset(self._token)


def listen(listener: Listener) -> None:
    """From now on model clients tell `listener`, in this context and in those copied from it."""
    _listener.set(listener)


class CallLog(Protocol):
    """Where calls are logged that no gate hears: those that somebody makes of a client himself."""

    def asked(self, messages: Sequence[LLMMessage]) -> None:
        """A model is asked for a stream."""

    def answered(self, messages: Sequence[LLMMessage], result: CreateResult, *, streamed: bool) -> None:
        """A model answered."""


_unheard: list[CallLog] = []


def log_unheard(log: CallLog) -> None:
    """Log there what no gate hears, from now on."""
    _unheard[:] = [log]


def unheard() -> CallLog | None:
    """The log of a call that nobody listens to; None where a gate does, which logs it itself, or there is no log."""
    return _unheard[0] if _unheard and _listener.get() is None else None
