"""Which gate the running code passes: that of its run, known to everything that the run starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .gate import Gate

_CURRENT: ContextVar[Gate | None] = ContextVar("nbagents_gate", default=None)


def current_gate() -> Gate:
    """The gate of the run that this code is part of.

    Raises:
        LookupError: the code is not part of a run; agents and teams enter one with `ensured_gate`.
    """
    gate = _CURRENT.get()
    if gate is None:
        raise LookupError("no run is going on here: call an agent's or a team's run() or run_stream()")
    return gate


def in_a_run() -> bool:
    """True when this code is part of a run."""
    return _CURRENT.get() is not None


@contextmanager
def passing(gate: Gate) -> Iterator[Gate]:
    """Make `gate` the current one for the code within, and for the tasks that it starts."""
    token = _CURRENT.set(gate)
    try:
        yield gate
    finally:
        _CURRENT.reset(token)


@contextmanager
def ensured_gate() -> Iterator[Gate]:
    """The current gate; outside of any run a new one that keeps its log in memory."""
    gate = _CURRENT.get()
    if gate is not None:
        yield gate
        return
    with passing(Gate()) as new:
        yield new
