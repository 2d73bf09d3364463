"""`Budget`: what a run may spend, as a person says it: money, tokens, turns, minutes.

What is left of it while the run goes on is its `Allowance` (`allowance.py`). For a run that was paused and goes on it
is raised (`budget_raised.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields

from ..errors import ConfigurationError
from ..models.prices import dollars

_WORD = re.compile(r"(?P<number>\d+(?:\.\d+)?|\.\d+)(?P<unit>usd|k|m|tokens?|turns?|min(?:utes?)?)$", re.I)
_DOLLARS = re.compile(r"\$(?P<number>\d+(?:\.\d+)?|\.\d+)$|(?P<bare>\d*\.\d+)$")
"""A number with a decimal point and no unit is an amount of money; one without could be anything."""
_WITHIN = re.compile(r"(?<=\d)\s+(?=[A-Za-z])|(?<=\+)\s+")
"""Blanks that do not end a word: before its unit, and behind its plus."""


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


def words_of(text: str | Sequence[str]) -> list[str]:
    """The words of a budget, each a limit with its unit."""
    return re.split(r"[\s,]+", _WITHIN.sub("", text).strip(" ,")) if isinstance(text, str) else list(text)


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
