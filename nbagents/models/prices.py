"""What a model call costs, in US dollars, by the price lists that `genai-prices` brings along; nothing is fetched.

Prices are looked up when somebody asks what was spent, not at each call. They are the providers' list prices: what a
contract, a batch or a cached prompt takes off is not known here, so a cost is at most what is billed for these tokens.
A model without a known price has none: it is never taken for free.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from .messages import RequestUsage

FREE = frozenset({"local", "replay", "cached"})
"""In the provider's place: what runs on this machine, comes from a script or was answered before costs nothing."""

HERE = frozenset({"localhost", "127.0.0.1", "::1"})
"""A server on this machine may be a gateway to anything: its price is not known, and no list needs to be read."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What some model calls cost.

    Args:
        usd: US dollars, of the models whose price is known.
        unknown: the other models, as ``provider/name``; where there are any, `usd` is a lower bound.
    """

    usd: float = 0.0
    unknown: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """True when `usd` is the whole cost."""
        return not self.unknown

    def __float__(self) -> float:
        return self.usd

    def __str__(self) -> str:
        if self.known:
            return dollars(self.usd)
        whose = f"price of {', '.join(self.unknown)} unknown"
        return f"at least {dollars(self.usd)} ({whose})" if self.usd else whose


def price(provider: str, model: str, usage: RequestUsage) -> float | None:
    """The list price of one call of a model, in US dollars; several together have another: it may grow with the prompt.

    Args:
        provider: "openai", "anthropic", ...; or the host of the server that bills ("openrouter.ai").
        model: as it was asked, or as it said its name in the answer.
        usage: the tokens of this call.

    Returns:
        The price; None when it is not known.
    """
    if provider in FREE:
        return 0.0
    if not provider or not model or provider in HERE:
        return None
    return _listed(provider, model, usage.prompt_tokens, usage.completion_tokens)


@lru_cache(maxsize=4096)  # the journal, the screen and the run ask for the same call
def _listed(provider: str, model: str, prompt_tokens: int, completion_tokens: int) -> float | None:
    # Imported here: it takes 150 ms, and most programs never ask.
    from genai_prices import Usage, calc_price

    if provider.endswith(".api.openai.com"):  # OpenAI's by region
        provider = "openai"
    try:
        tokens = Usage(input_tokens=prompt_tokens, output_tokens=completion_tokens)
        if "." in provider:
            found = calc_price(tokens, model, provider_api_url=f"https://{provider}")
        else:
            found = calc_price(tokens, model, provider_id=provider)
    except (LookupError, ValueError):  # no such model; or a server counted its tokens as -1
        return None
    return float(found.total_price)


def cost_of(calls: Iterable[tuple[str, RequestUsage]]) -> Cost:
    """What some calls cost together, each as ``provider/name`` and its tokens."""
    usd, unknown = 0.0, set[str]()
    for name, usage in calls:
        provider, _, model = name.partition("/")
        one = price(provider, model, usage)
        if one is None:
            unknown.add(name.lstrip("/"))  # a client of the user's own has no provider
        else:
            usd += one
    return Cost(usd, tuple(sorted(unknown)))


def dollars(usd: float) -> str:
    """ "$12.50", "$0.03"; of less than a cent the first digit that says something: "$0.0004"."""
    if usd == 0 or usd >= 0.01:
        return f"${usd:,.2f}"
    return f"${usd:.{-math.floor(math.log10(usd))}f}"
