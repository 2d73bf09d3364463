"""How a run ended: its status, what it spent, and the error that its waiters get, in one line and without secrets."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any, Literal

from ..errors import BudgetReached, NBAgentsError, RunError, RunFailed, RunStopped
from .error_redaction import redact_error
from .gate import Gate
from .usage import Usage

Status = Literal["running", "waiting", "done", "paused", "stopped", "failed"]


def status_after(error: RunError | None) -> Status:
    """What a run is that ended with `error`, or without one."""
    if error is None:
        return "done"
    if isinstance(error, BudgetReached):
        return "paused"
    return "stopped" if isinstance(error, RunStopped) else "failed"


def spent(usage: Usage) -> dict[str, Any]:
    """What a run spent, as the journal keeps it."""
    cost = usage.cost
    told: dict[str, Any] = {"calls": usage.calls, **asdict(usage.total), "cost": cost.usd}
    if cost.unknown:
        told["unpriced"] = list(cost.unknown)
    if usage.failed:
        told["failed"] = len(usage.failed)
    if usage.estimated:
        told["estimated"] = True
    return told


def failure_of(error: Exception | asyncio.CancelledError, run: str, gate: Gate, stopped_by: str = "") -> RunError:
    """What `error` is to those who wait for the run.

    Args:
        error: what ended the run.
        run: its name.
        gate: its gate, which knows the turn and the secrets.
        stopped_by: who stopped it, if anybody did.
    """
    if isinstance(error, asyncio.CancelledError):
        when = f"in turn {gate.turn}" if gate.turn else "before the first turn"
        return RunStopped(f"run {run!r} was stopped by {stopped_by or 'an interrupt'} {when}")
    redact_error(error, gate.redact)
    if isinstance(error, RunError) and not isinstance(error, RunFailed):
        return error
    text = " ".join(gate.redact(str(error)).split()) or type(error).__name__
    if isinstance(error, RunFailed):  # the team's words say who and when
        said, agent, turn = text, error.agent, error.turn
    else:
        said = text if isinstance(error, NBAgentsError) else f"{type(error).__name__}: {text}"
        agent, turn = "", gate.turn
    failure = RunFailed(f"run {run!r}: {said}", agent=agent, turn=turn)
    failure.__cause__ = error
    return failure
