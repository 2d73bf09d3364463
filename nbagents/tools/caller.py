"""Who calls a tool: the agent, and whom the tool may ask on its behalf: a model, and the person of the run.

A tool stands below the gate and cannot reach it; the gate says here, around each call, what the tool may use of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from ..models.client import ChatCompletionClient
from ..models.messages import CreateResult, LLMMessage

AskModel = Callable[[ChatCompletionClient, Sequence[LLMMessage]], Awaitable[CreateResult]]
AskPerson = Callable[[str], Awaitable[str]]
"""Takes what to ask, and returns the reply."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The agent that calls, and how to ask a model or the person so that it is recorded and counted as the agent's."""

    agent: str
    ask: AskModel
    ask_person: AskPerson


_CURRENT: ContextVar[Caller | None] = ContextVar("nbagents_caller", default=None)


def current_caller() -> Caller | None:
    """Who called the tool that is running; None outside of a run."""
    return _CURRENT.get()


@contextmanager
def called_by(caller: Caller) -> Iterator[None]:
    """Within, `current_caller` is `caller`, also for the tasks that are started."""
    token = _CURRENT.set(caller)
    try:
        yield
    finally:
        _CURRENT.reset(token)
