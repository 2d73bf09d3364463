"""What a run may spend when it goes on: limits that are raised, replaced, or said for the first time."""

from __future__ import annotations

from typing import Any

import pytest

from nbagents.errors import BudgetReached
from nbagents.runtime import Budget, Gate, Run
from nbagents.runtime.budget_raised import more_than, raised
from tests.runtime.test_resume import Numbered, ended, pair


def priced(model: str) -> Numbered:
    client = Numbered()
    client.provider, client.model = "openai", model
    return client


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("+0.50", Budget(usd=1.0, tokens=1000)),
        ("+0.20", Budget(usd=0.7, tokens=1000)),
        ("+ 0.50", Budget(usd=1.0, tokens=1000)),
        ("1.50", Budget(usd=1.5, tokens=1000)),
        ("+200k,12turns", Budget(usd=0.5, tokens=201_000, turns=12)),
        (["+.1usd", "+500tokens"], Budget(usd=0.6, tokens=1500)),
    ],
)
def test_a_plus_adds_to_the_old_limit_and_the_others_stay(said: Any, expected: Budget) -> None:
    assert raised(said, Budget(usd=0.5, tokens=1000)) == expected


@pytest.mark.parametrize(
    ("budget", "kind", "needed", "more"),
    [
        (Budget(usd=0.5), "usd", 0.6, "+0.50"),
        (Budget(usd=0.5), "usd", 1.231, "+0.74"),
        (Budget(tokens=200_000), "tokens", 200_500, "+200k"),
        (Budget(tokens=300), "tokens", 350, "+300tokens"),
        (Budget(turns=1), "turns", 2, "+1turn"),
        (Budget(minutes=2.5), "minutes", 2.6, "+3min"),
    ],
)
def test_what_is_proposed_is_as_much_again_or_what_is_needed(
    budget: Budget, kind: str, needed: float, more: str
) -> None:
    assert more_than(budget, BudgetReached("x", limit="x", kind=kind, needed=needed)) == more
    assert getattr(raised(more, budget), kind) >= needed


async def test_a_price_that_is_not_known_is_told_of_each_limit_once() -> None:
    run = Run("r", pair(priced("nobody-knows")), Gate(budget=Budget(usd=0.5, turns=2)))
    run.start("go")
    assert isinstance(await ended(run), BudgetReached)
    assert await ended(run.resume("+1.00,+9turns")) is None
    told = [entry["limit"] for entry in run.journal.entries if entry["type"] == "unpriced"]
    assert told == ["$0.50", "$1.50"]


async def test_a_limit_in_dollars_that_comes_late_counts_what_was_spent_before() -> None:
    run = Run("r", pair(priced("gpt-4o-mini")), Gate(budget=Budget(turns=2)))
    run.start("go")
    assert isinstance(await ended(run), BudgetReached)
    spent = run.cost.usd
    assert spent > 0
    reached = await ended(run.resume(["9turns", f"{2.1 * spent:.7f}"]))
    assert isinstance(reached, BudgetReached) and reached.kind == "usd"
    assert run.cost.usd <= 2.1 * spent
