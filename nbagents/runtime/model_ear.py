"""What the gate hears of a model call while it goes on: retries, what failed attempts cost, calls that are written.

Clients tell it in the thread on which they ask (`models/notices.py`). What an attempt cost is taken off the budget at
once, so that no retry can begin that could exceed it; the journal and the accounts belong to the run's loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

from ..models.notices import CallPiece, FailedAttempt, Notice, RetryNotice
from .run_log import Effect, RunLog
from .usage import ModelCall, costs
from .written_calls import WrittenCalls


class ModelEar:
    """Hears of one model call.

    Args:
        log: the run's.
        effect: the call.
        agent: who asks.
        may_repeat: raises `BudgetReached` where another attempt could exceed the budget.
    """

    def __init__(self, log: RunLog, effect: Effect, agent: str, may_repeat: Callable[[], None]) -> None:
        self._log, self._effect, self._agent, self._may_repeat = log, effect, agent, may_repeat
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._calls = WrittenCalls(log, effect.id, agent)

    def __call__(self, notice: Notice) -> None:
        """Hear it, in any thread."""
        match notice:
            case CallPiece():
                self._calls.write(notice)
            case FailedAttempt():
                self._calls.drop()
                self._failed(notice)
            case RetryNotice():
                self._may_repeat()
                self._on_loop(self._write_down, notice, self._effect.untold())

    def _failed(self, notice: FailedAttempt) -> None:
        model = notice.answered or f"{notice.provider}/{notice.model}"
        billed = f"{notice.billed_by}/{notice.answered or notice.model}"
        call = ModelCall(self._agent, model, billed, notice.usage, failed=True, estimated=notice.estimated)
        self._effect.failed.append(call)
        if self._log.allowance is not None:
            self._log.allowance.spent(call)

    def _write_down(self, notice: RetryNotice, failed: Sequence[ModelCall]) -> None:
        self._log.note(
            "retry",
            effect=self._effect.id,
            provider=notice.provider,
            model=notice.model,
            error=f"{type(notice.error).__name__}: {notice.error}",
            attempt=notice.attempt,
            attempts=notice.attempts,
            wait=round(notice.wait, 3),
            fallback=notice.fallback or None,
            **costs(failed),
        )

    def _on_loop(self, call: Callable[..., None], *arguments: Any) -> None:
        if threading.get_ident() == self._thread:
            call(*arguments)
        else:
            self._loop.call_soon_threadsafe(call, *arguments)
