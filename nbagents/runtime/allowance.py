"""`Allowance`: what is left of the budget of one run. The gate asks before each model call, retry and turn.

A call is begun only if its upper bound fits into what is left: the prompt as the client counts it, and the longest
answer that it may give. Calls that go on at once are bounded together. An attempt that failed is paid for as well: its
call is repeated only if the bound still fits into what is left then. What does not fit ends the run before the call,
with `BudgetReached`: all that was said is kept, and the turn that was not taken is taken when the run goes on
(`budget_raised.py`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from ..errors import BudgetReached
from ..models.cache import ChatCompletionCache
from ..models.client import ChatCompletionClient
from ..models.fallback import FallbackChatCompletionClient
from ..models.messages import LLMMessage, RequestUsage
from ..models.offered import OfferedTool
from ..models.prices import dollars, price
from .budget import Budget
from .usage import ModelCall, Usage

ASSUMED_ANSWER = 4096
"""Tokens that an answer is taken to have at most where its client sets no limit; twice the longest so far, if more."""

_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
"""How providers call the most that an answer may have, where it is said for one call."""


class Allowance:
    """What is left of the budget of one run. What calls spend is told, and asked for, on the I/O thread too.

    Args:
        budget: the limits.
        usage: what the run has spent before.
        tell_unpriced: told once of each model, as ``provider/name``, that the limit in dollars cannot hold back.
    """

    def __init__(self, budget: Budget, usage: Usage, tell_unpriced: Callable[[str], None]) -> None:
        self.budget, self._tell_unpriced = budget, tell_unpriced
        self.unpriced: set[str] = set()
        self._tokens, self._usd = usage.tokens, usage.cost.usd if budget.usd is not None else 0.0
        """Spent, and set aside for the calls that go on."""
        self._clock = _Clock()
        self._held = False
        self._longest = 0
        self._lock = threading.Lock()

    def take_turn(self, taken: int) -> None:
        """A turn is to begin after `taken` others.

        Raises:
            BudgetReached: it may not.
        """
        turns = self.budget.turns
        if turns is not None and taken >= turns:
            raise _reached(f"{turns} turn{'' if turns == 1 else 's'}", taken, "turns", taken + 1)
        self._check_time(taken)

    @contextmanager
    def call(
        self,
        client: ChatCompletionClient,
        messages: Sequence[LLMMessage],
        tools: Sequence[OfferedTool],
        options: Mapping[str, Any],
        taken: int,
    ) -> Iterator[Callable[[], None]]:
        """A model call after `taken` turns: what it may cost is set aside while it goes on.

        Yields:
            What is called before it is repeated, in any thread: it raises `BudgetReached` where its failed attempts
            leave too little for another.

        Raises:
            BudgetReached: it could cost more than is left.
        """

        def repeat() -> None:
            self._check_time(taken)
            with self._lock:
                self._check_room(0, 0.0, taken, priced=usd > 0)

        self._check_time(taken)
        tokens, usd = 0, 0.0
        if self.budget.tokens is None and self.budget.usd is None:
            yield repeat
            return
        for one in _may_answer(client):  # the dearest of them
            bound = RequestUsage(one.count_tokens(messages, tools=tools), self._longest_answer(one, options))
            tokens = max(tokens, bound.prompt_tokens + bound.completion_tokens)
            usd = max(usd, self._price(one, bound))
        with self._lock:
            self._check_room(tokens, usd, taken, priced=usd > 0)
            self._tokens, self._usd = self._tokens + tokens, self._usd + usd
        try:
            yield repeat
        finally:
            with self._lock:
                self._tokens, self._usd = self._tokens - tokens, self._usd - usd

    def spent(self, call: ModelCall) -> None:
        """An answer came, or an attempt at one failed."""
        usd = call.usd or 0.0 if self.budget.usd is not None else 0.0
        with self._lock:
            self._longest = max(self._longest, call.usage.completion_tokens)
            self._tokens += call.usage.prompt_tokens + call.usage.completion_tokens
            self._usd += usd

    def _check_room(self, tokens: int, usd: float, taken: int, *, priced: bool) -> None:
        """Refuse what does not fit beside what is spent and set aside; dollars hold back only what has a price."""
        if self.budget.tokens is not None and self._tokens + tokens > self.budget.tokens:
            raise _reached(f"{self.budget.tokens:,} tokens", taken, "tokens", self._tokens + tokens)
        if self.budget.usd is not None and priced and self._usd + usd > self.budget.usd:
            raise _reached(dollars(self.budget.usd), taken, "usd", self._usd + usd)

    def waiting(self) -> AbstractContextManager[None]:
        """Within, a person is waited for."""
        return self._clock.stopped()

    def held(self) -> None:
        """The run has ended, and may go on later: time does not count until then. A second call does nothing."""
        if not self._held:
            self._held = True
            self._clock.stop()

    def go_on(self, budget: Budget, usage: Usage) -> None:
        """The run goes on with `budget`, of which `usage` and the time that it has taken are spent."""
        if budget.usd != self.budget.usd:
            self.unpriced.clear()  # of the new limit it is told once, too
        self.budget = budget
        self._tokens, self._usd = usage.tokens, usage.cost.usd if budget.usd is not None else 0.0
        if self._held:
            self._held = False
            self._clock.go_on()

    def _check_time(self, taken: int) -> None:
        minutes, seconds = self.budget.minutes, self._clock.seconds()
        if minutes is not None and seconds > minutes * 60:
            raise _reached(f"{minutes:g} min", taken, "minutes", seconds / 60)

    def _longest_answer(self, client: ChatCompletionClient, options: Mapping[str, Any]) -> int:
        for_this_call = [options[name] for name in _LIMITS if isinstance(options.get(name), int)]
        return max(for_this_call, default=client.answer_limit) or max(ASSUMED_ANSWER, 2 * self._longest)

    def _price(self, client: ChatCompletionClient, bound: RequestUsage) -> float:
        if self.budget.usd is None:
            return 0.0
        usd = price(client.billed_by, client.model, bound)
        name = f"{client.billed_by}/{client.model}"
        if usd is None and name not in self.unpriced:
            self.unpriced.add(name)
            self._tell_unpriced(name)
        return usd or 0.0


class _Clock:
    """Seconds since it was first looked at, without those for which it was stopped, by however many at once."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._stopped_at = self._out = 0.0
        self._stops = 0

    def seconds(self) -> float:
        now = self._stopped_at if self._stops else time.monotonic()
        if self._began is None:
            self._began = now
        return now - self._began - self._out

    def stop(self) -> None:
        if not self._stops:
            self._stopped_at = time.monotonic()
        self._stops += 1

    def go_on(self) -> None:
        self._stops -= 1
        if not self._stops and self._began is not None:
            self._out += time.monotonic() - self._stopped_at

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.go_on()


def _may_answer(client: ChatCompletionClient) -> Iterator[ChatCompletionClient]:
    """The clients of which one will answer: a fallback has several, with prices and limits of their own."""
    if isinstance(client, ChatCompletionCache):
        yield from _may_answer(client.client)
    elif isinstance(client, FallbackChatCompletionClient):
        for one in client.clients:
            yield from _may_answer(one)
    else:
        yield client


def _reached(limit: str, taken: int, kind: str, needed: float) -> BudgetReached:
    when = f"after turn {taken}" if taken else "before the first turn ended"
    return BudgetReached(f"budget {limit} reached {when} (nothing lost)", limit=limit, kind=kind, needed=needed)
