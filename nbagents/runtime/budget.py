"""What a run may spend: money, tokens, turns, minutes. The gate asks before each model call, retry and turn.

A call is begun only if its upper bound fits into what is left: the prompt as the client counts it, and the longest
answer that it may give. Calls that go on at once are bounded together. An attempt that failed is paid for as well: its
call is repeated only if the bound still fits into what is left then. What does not fit ends the run before the call,
with `BudgetReached`: all that was said is kept, and the turn that was not taken is taken when the run goes on
(`budget_raised.py`).
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields
from typing import Any

from ..errors import BudgetReached, ConfigurationError
from ..models.cache import ChatCompletionCache
from ..models.client import ChatCompletionClient
from ..models.fallback import FallbackChatCompletionClient
from ..models.messages import LLMMessage, RequestUsage
from ..models.offered import OfferedTool
from ..models.prices import dollars, price
from .usage import ModelCall, Usage

ASSUMED_ANSWER = 4096
"""Tokens that an answer is taken to have at most where its client sets no limit; twice the longest so far, if more."""

_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
"""How providers call the most that an answer may have, where it is said for one call."""

_WORD = re.compile(r"(?P<number>\d+(?:\.\d+)?|\.\d+)(?P<unit>usd|k|m|tokens?|turns?|min(?:utes?)?)$", re.I)
_DOLLARS = re.compile(r"\$(?P<number>\d+(?:\.\d+)?|\.\d+)$|(?P<bare>\d*\.\d+)$")
"""A number with a decimal point and no unit is an amount of money; one without could be anything."""
_BEFORE_UNIT = re.compile(r"(?<=\d)\s+(?=[A-Za-z])")


@dataclass(frozen=True, slots=True)
class Budget:
    """What one run may spend; None is no limit.

    Args:
        usd: US dollars, by list prices. A model whose price is not known is not held back by it.
        tokens: prompt and completion tokens together.
        turns: turns of agents.
        minutes: since the run began; waiting for a person does not count.

    Raises:
        ConfigurationError: a limit is not above 0.
    """

    usd: float | None = None
    tokens: int | None = None
    turns: int | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            limit = getattr(self, field.name)
            if limit is not None and not (isinstance(limit, int | float) and limit > 0):
                raise ConfigurationError(f"budget {field.name}={limit!r}: expected a number above 0, or none at all")

    @classmethod
    def parse(cls, text: str | Sequence[str]) -> Budget:
        """The budget that "0.50usd 200k 12turns 10min" means: dollars, tokens, turns, minutes, each if it is said.

        Raises:
            ConfigurationError: a word is none of these, or said twice.
        """
        words = words_of(text)
        limits: dict[str, float] = {}
        for word in words:
            name, number = _limit(word)
            if name in limits:
                raise ConfigurationError(f"budget {' '.join(words)!r} says {name} twice: say it once")
            limits[name] = number
        tokens, turns = (_whole(name, limits.get(name)) for name in ("tokens", "turns"))
        return cls(limits.get("usd"), tokens, turns, limits.get("minutes"))

    @property
    def limits(self) -> dict[str, float]:
        """The limits that there are, by name."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: limit for name, limit in said.items() if limit is not None}

    def or_else(self, default: Budget) -> Budget:
        """This budget, with the limits of `default` where it has none."""
        return Budget(*(getattr(self, field.name) or getattr(default, field.name) for field in fields(self)))

    def __str__(self) -> str:
        said = {
            "usd": self.usd and dollars(self.usd),
            "tokens": self.tokens and f"{self.tokens:,} tokens",
            "turns": self.turns and f"{self.turns} turn{'' if self.turns == 1 else 's'}",
            "minutes": self.minutes and f"{self.minutes:g} min",
        }
        return " · ".join(text for text in said.values() if text) or "no limit"


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


def words_of(text: str | Sequence[str]) -> list[str]:
    """The words of a budget, each a limit with its unit."""
    return re.split(r"[\s,]+", _BEFORE_UNIT.sub("", text).strip(" ,")) if isinstance(text, str) else list(text)


def _limit(word: str) -> tuple[str, float]:
    """One word as the name of a limit and its number."""
    if dollar := _DOLLARS.match(word):
        return "usd", float(dollar["number"] or dollar["bare"])
    match = _WORD.match(word)
    if match is None:
        raise ConfigurationError(f"budget {word!r}: expected words as in 0.50usd 200k 12turns 10min")
    unit, number = match["unit"].lower(), float(match["number"])
    if unit in ("k", "m"):
        return "tokens", number * (1_000 if unit == "k" else 1_000_000)
    kinds = {"u": "usd", "to": "tokens", "tu": "turns", "m": "minutes"}
    return next(name for start, name in kinds.items() if unit.startswith(start)), number


def _whole(name: str, number: float | None) -> int | None:
    if number is not None and number != int(number):
        raise ConfigurationError(f"budget {number:g} {name}: expected a whole number of {name}")
    return None if number is None else int(number)
