"""A budget is said in words, and says itself."""

from __future__ import annotations

from typing import Any

import pytest

from nbagents.errors import ConfigurationError
from nbagents.runtime import Budget


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.50usd 200k 12turns 10min", Budget(0.5, 200_000, 12, 10)),
        ("$2", Budget(usd=2)),
        ("1.5m,1turn", Budget(tokens=1_500_000, turns=1)),
        ("10 min, .5 usd,", Budget(usd=0.5, minutes=10)),
        (["500tokens", "2.5minutes"], Budget(tokens=500, minutes=2.5)),
    ],
)
def test_a_budget_is_said_in_words(text: Any, expected: Budget) -> None:
    assert Budget.parse(text) == expected


@pytest.mark.parametrize("text", ["", "5", "0usd", "3 apples", "1usd 2usd", "-1usd", "1.5turns"])
def test_words_that_are_no_budget_say_what_is_expected(text: str) -> None:
    with pytest.raises(ConfigurationError, match="budget"):
        Budget.parse(text)


def test_a_budget_says_itself() -> None:
    assert str(Budget(0.5, 200_000, 12, 10)) == "$0.50 · 200,000 tokens · 12 turns · 10 min"
    assert str(Budget()) == "no limit"
    assert Budget(usd=0.5).or_else(Budget(usd=1, turns=20)) == Budget(usd=0.5, turns=20)


def test_a_limit_that_is_no_number_says_so() -> None:
    with pytest.raises(ConfigurationError, match="budget usd='1'"):
        Budget(usd="1")  # type: ignore[arg-type]  # a wrong value is the point
