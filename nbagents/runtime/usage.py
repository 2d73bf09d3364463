"""What a run spent: tokens and money, per agent and per model, also where no answer came of it.

Each call is kept; what they come to together is counted, and their prices are looked up, when somebody asks.

A run within a run (an inner team, an agent as a tool) has its own account, and what it spends also stands on the
accounts of the runs around it. The open accounts travel with the context, so that parallel branches stay apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ..models.messages import RequestUsage
from ..models.prices import Cost, cost_of, price


@dataclass(slots=True)
class ModelCall:
    """One answer of a model, or an attempt at one.

    Args:
        agent: who asked.
        model: its name as the run shows it.
        billed_as: ``provider/model`` as the price lists know it.
        usage: its tokens.
        failed: no answer came of it: it broke off, was left, or was none.
        estimated: its tokens are estimated, since the provider did not count them to the end.
    """

    agent: str
    model: str
    billed_as: str
    usage: RequestUsage
    failed: bool = False
    estimated: bool = False

    @property
    def usd(self) -> float | None:
        """Its price; None when it is not known."""
        provider, _, model = self.billed_as.partition("/")
        return price(provider, model, self.usage)


@dataclass(slots=True)
class Usage:
    """Tokens and money of one run.

    Attributes:
        made: the model calls, in the order of their answers; attempts that failed stand among them if they cost
            something, so they are in all sums.
    """

    made: list[ModelCall] = field(default_factory=list)

    @property
    def calls(self) -> int:
        """How many model calls were answered."""
        return len(self.made) - len(self.failed)

    @property
    def failed(self) -> list[ModelCall]:
        """The attempts of which no answer came, and which cost something all the same."""
        return [call for call in self.made if call.failed]

    @property
    def estimated(self) -> bool:
        """True when some of the tokens are estimated."""
        return any(call.estimated for call in self.made)

    @property
    def total(self) -> RequestUsage:
        """The tokens of all calls."""
        return _tokens(self.made)

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens together."""
        total = self.total
        return total.prompt_tokens + total.completion_tokens

    @property
    def by_agent(self) -> dict[str, RequestUsage]:
        """The tokens that each agent took."""
        return {agent: _tokens(calls) for agent, calls in self._grouped(lambda call: call.agent)}

    @property
    def by_model(self) -> dict[str, RequestUsage]:
        """The tokens that each model took."""
        return {model: _tokens(calls) for model, calls in self._grouped(lambda call: call.model)}

    @property
    def cost(self) -> Cost:
        """What all of it cost; says of which models the price is not known."""
        return _cost(self.made)

    @property
    def cost_by_agent(self) -> dict[str, Cost]:
        """What the calls of each agent cost."""
        return {agent: _cost(calls) for agent, calls in self._grouped(lambda call: call.agent)}

    @property
    def cost_by_model(self) -> dict[str, Cost]:
        """What each model cost, by ``provider/model``."""
        return {name: _cost(calls) for name, calls in self._grouped(lambda call: call.billed_as)}

    def _grouped(self, by: Callable[[ModelCall], str]) -> Iterator[tuple[str, list[ModelCall]]]:
        groups: dict[str, list[ModelCall]] = {}
        for call in self.made:
            groups.setdefault(by(call), []).append(call)
        yield from groups.items()

    def __str__(self) -> str:
        about, failed = "about " if self.estimated else "", len(self.failed)
        told = f"{about}{self.tokens:,} tokens in {self.calls} model call{'' if self.calls == 1 else 's'}"
        return f"{told} and {failed} failed attempt{'' if failed == 1 else 's'}" if failed else told


def _tokens(calls: Sequence[ModelCall]) -> RequestUsage:
    return RequestUsage(
        sum(call.usage.prompt_tokens for call in calls), sum(call.usage.completion_tokens for call in calls)
    )


def _cost(calls: list[ModelCall]) -> Cost:
    return cost_of((call.billed_as, call.usage) for call in calls)


def costs(calls: Sequence[ModelCall]) -> dict[str, Any]:
    """The fields of a journal's entry that say what these calls cost together; none where there are none."""
    if not calls:
        return {}
    if len(calls) == 1:  # its price is looked up when the entry is read
        return {"usage": calls[0].usage, "cost": calls[0], "estimated": calls[0].estimated or None}
    cost = sum(call.usd or 0.0 for call in calls) or None
    return {"usage": _tokens(calls), "cost": cost, "estimated": any(call.estimated for call in calls) or None}


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


def spend(call: ModelCall) -> None:
    """Put one model call on every open account."""
    for open_account in _ACCOUNTS.get():
        open_account.made.append(call)
