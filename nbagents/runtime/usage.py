"""What a run spent: tokens, per agent and per model.

A run within a run (an inner team, an agent as a tool) has its own account, and what it spends also stands on the
accounts of the runs around it. The open accounts travel with the context, so that parallel branches stay apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from ..models.messages import RequestUsage


@dataclass(slots=True)
class Usage:
    """Tokens and calls of one run."""

    calls: int = 0
    total: RequestUsage = field(default_factory=RequestUsage)
    by_agent: dict[str, RequestUsage] = field(default_factory=dict)
    by_model: dict[str, RequestUsage] = field(default_factory=dict)

    def add(self, agent: str, model: str, usage: RequestUsage) -> None:
        """Count one model call."""
        self.calls += 1
        self.total += usage
        self.by_agent[agent] = self.by_agent.get(agent, RequestUsage()) + usage
        self.by_model[model] = self.by_model.get(model, RequestUsage()) + usage

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens together."""
        return self.total.prompt_tokens + self.total.completion_tokens

    def __str__(self) -> str:
        return f"{self.tokens:,} tokens in {self.calls} model call{'' if self.calls == 1 else 's'}"


_ACCOUNTS: ContextVar[tuple[Usage, ...]] = ContextVar("nbagents_accounts", default=())


@contextmanager
def account() -> Iterator[Usage]:
    """An account of all model calls made within, by the tasks started within too."""
    usage = Usage()
    token = _ACCOUNTS.set((*_ACCOUNTS.get(), usage))
    try:
        yield usage
    finally:
        _ACCOUNTS.reset(token)


def spend(agent: str, model: str, usage: RequestUsage) -> None:
    """Put one model call on every open account."""
    for open_account in _ACCOUNTS.get():
        open_account.add(agent, model, usage)
