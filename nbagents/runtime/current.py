"""Which gate the running code passes: that of its run, known to everything that the run starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .approval import Approvals, Policy
from .gate import Gate

_CURRENT: ContextVar[Gate | None] = ContextVar("nbagents_gate", default=None)
_POLICY: ContextVar[str] = ContextVar("nbagents_approval", default="ask")


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
def approving(policy: Policy) -> Iterator[None]:
    """What the runs that begin within do before code runs: for scripts that nobody watches.

    Args:
        policy: "always" runs it unasked, as AutoGen does; "ask" asks a person.

    Raises:
        ConfigurationError: there is no such policy.
    """
    Approvals(policy)  # says what is wrong with it
    token = _POLICY.set(policy)
    try:
        yield
    finally:
        _POLICY.reset(token)


@contextmanager
def ensured_gate() -> Iterator[Gate]:
    """The current gate; outside of any run a new one that keeps its log in memory."""
    gate = _CURRENT.get()
    if gate is not None:
        yield gate
        return
    with passing(Gate(approvals=Approvals(_POLICY.get()))) as new:
        yield new
