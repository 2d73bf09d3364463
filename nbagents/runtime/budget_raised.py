"""What a run may spend when it goes on: ``+0.50`` is added to the limit that it had, ``1.50`` takes its place.

A limit that was reached must be raised by so much that what comes next can begin: a run that went on only to be paused
at once would have cost a person's attention for nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..errors import BudgetReached, ConfigurationError
from ..models.prices import dollars
from .budget import Budget, words_of


def raised(text: str | Sequence[str], old: Budget) -> Budget:
    """`old` with the limits that `text` says: words as `Budget.parse` reads them, those with a + added to the old ones.

    Raises:
        ConfigurationError: a word is no limit or said twice, or there is no old limit to which it could be added.
    """
    words = words_of(text)
    new = Budget.parse([word.removeprefix("+") for word in words])
    limits: dict[str, Any] = dict(new.limits)
    for word in words:
        [(name, number)] = Budget.parse([word.removeprefix("+")]).limits.items()
        if word.startswith("+"):
            had = getattr(old, name)
            if had is None:
                raise ConfigurationError(
                    f"budget {word!r}: the run has no limit of {name} to which it could be added; "
                    f"{word.removeprefix('+')!r} sets one"
                )
            number = round(had + number, 6)
        limits[name] = number
    return Budget(**limits).or_else(old)


def is_enough(budget: Budget, reached: BudgetReached) -> bool:
    """True when what was not begun, because a limit was reached, can begin with `budget`."""
    limit = getattr(budget, reached.kind, None)
    return limit is None or limit >= reached.needed


def more_than(budget: Budget, reached: BudgetReached) -> str:
    """By how much to raise the limit that was reached, as `raised` reads it: as much again, or what is needed."""
    limit = getattr(budget, reached.kind, None) or 0
    more = max(limit, reached.needed - limit)
    if reached.kind == "usd":
        return f"+{math.ceil(more * 100 - 1e-6) / 100:.2f}"
    number = math.ceil(more - 1e-6)
    if reached.kind == "tokens":
        return f"+{math.ceil(number / 1000)}k" if number >= 1000 else f"+{number}tokens"
    return f"+{number}min" if reached.kind == "minutes" else f"+{number}turn{'' if number == 1 else 's'}"


def amount(kind: str, number: float) -> str:
    """How much of a limit, as a reader sees it: "$0.62", "1,200 tokens"."""
    return dollars(number) if kind == "usd" else f"{math.ceil(number - 1e-6):,} {kind}"
