"""What a run spent, as a reader sees it: folded from the results of its model calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..models.prices import FREE, Cost

Entry = Mapping[str, Any]


class Spent:
    """Calls, tokens and money of one run so far."""

    def __init__(self) -> None:
        self.calls = self.tokens = 0
        self.usd = 0.0
        self.estimated = False
        """Some of the tokens were not counted by the provider."""
        self.unbounded = ""
        """Why the budget in dollars did not hold the run back, in a few words."""
        self._unpriced: set[str] = set()
        self._models: dict[str, str] = {}

    @property
    def cost(self) -> Cost:
        """What the models cost; says of which the price is not known."""
        return Cost(self.usd, tuple(sorted(self._unpriced)))

    def asked(self, effect: Entry) -> None:
        """A model is asked."""
        self._models[effect["effect"]] = str((effect.get("request") or {}).get("model", "a model"))

    def answered(self, result: Entry) -> None:
        """It has answered, or not."""
        self.calls += 1
        self._add(result)
        self._models.pop(result["effect"], None)

    def tried(self, retry: Entry) -> None:
        """It has not answered, and is asked again: what it wrote until it failed is paid for."""
        self._add(retry)

    def _add(self, entry: Entry) -> None:
        usage, value = entry.get("usage") or {}, entry.get("value")
        self.tokens += usage.get("prompt_tokens", 0) + usage.get("completion_tokens", 0)
        self.estimated = self.estimated or bool(entry.get("estimated"))
        model, answered_before = self._models.get(entry["effect"], "a model"), _is_cached(value)
        if "cost" in entry:
            self.usd += entry["cost"]
        elif "usage" in entry and not answered_before and model.partition("/")[0] not in FREE:
            self._unpriced.add(model)

    def not_bounded(self, unpriced: Entry) -> None:
        """The budget in dollars does not hold a model back."""
        self.unbounded = f"not counted in the budget of {unpriced['limit']}"


def _is_cached(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value.get("cached"))
