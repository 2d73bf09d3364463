"""What a call costs: by price lists that come with a package, and never taken for free where the price is not known."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nbagents.models import ChatCompletionCache, ChatCompletionClient, ReplayChatCompletionClient
from nbagents.models.messages import RequestUsage
from nbagents.models.openai import OpenAIChatCompletionClient
from nbagents.models.prices import Cost, cost_of, dollars, price

MILLION = RequestUsage(1_000_000, 1_000_000)


@pytest.mark.parametrize(
    ("provider", "model", "usd"),
    [
        ("openai", "gpt-4o-mini", 0.15 + 0.60),
        ("openai", "gpt-4o-mini-2024-07-18", 0.15 + 0.60),
        ("azure", "gpt-4o", 2.5 + 10),
        ("anthropic", "claude-3-haiku-20240307", 0.25 + 1.25),
        ("api.openai.com", "gpt-4o-mini", 0.15 + 0.60),
        ("eu.api.openai.com", "gpt-4o-mini", 0.15 + 0.60),
        ("local", "qwen2.5-coder-1.5b", 0.0),
        ("replay", "script", 0.0),
        ("cached", "gpt-4o", 0.0),
    ],
)
def test_a_known_price(provider: str, model: str, usd: float) -> None:
    assert price(provider, model, MILLION) == pytest.approx(usd)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "no-such-model"),
        ("no-such-provider", "m"),
        ("127.0.0.1", "gpt-4o"),
        ("", "m"),
        ("openai", ""),
        ("a b", "m"),
    ],
)
def test_a_price_that_is_not_known_is_none(provider: str, model: str) -> None:
    assert price(provider, model, MILLION) is None


def test_a_total_with_unknown_parts_says_so() -> None:
    cost = cost_of({"openai/gpt-4o-mini": MILLION, "vllm.example/qwen": MILLION, "local/q": MILLION}.items())
    assert cost == Cost(0.75, ("vllm.example/qwen",))
    assert not cost.known and float(cost) == 0.75
    assert str(cost) == "at least $0.75 (price of vllm.example/qwen unknown)"
    assert str(cost_of([("x/y", MILLION)])) == "price of x/y unknown"
    assert str(cost_of([])) == "$0.00"


@pytest.mark.parametrize(
    ("usd", "text"),
    [(0, "$0.00"), (0.03, "$0.03"), (0.0046, "$0.005"), (0.0001, "$0.0001"), (12.5, "$12.50"), (1234, "$1,234.00")],
)
def test_money_is_shown_with_the_digits_that_say_something(usd: float, text: str) -> None:
    assert dollars(usd) == text


@pytest.mark.parametrize(
    ("base_url", "who"),
    [
        (None, "openai"),
        ("https://eu.api.openai.com/v1", "eu.api.openai.com"),
        ("https://user:secret@openrouter.ai/api/v1", "openrouter.ai"),
        ("http://127.0.0.1:11434/v1", "127.0.0.1"),
    ],
)
def test_another_server_has_another_price_list(base_url: str | None, who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    client: ChatCompletionClient = OpenAIChatCompletionClient("gpt-4o", base_url=base_url)
    assert client.billed_by == who
    assert ChatCompletionCache(client).billed_by == who


def test_the_environment_may_name_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8000/v1")
    assert OpenAIChatCompletionClient("gpt-4o").billed_by == "localhost"
    assert ReplayChatCompletionClient([]).billed_by == "replay"


def test_the_price_lists_are_loaded_when_a_price_is_asked() -> None:
    code = (
        "import sys, nbagents.models, nbagents.runtime, nbagents.models.prices as p\n"
        "from nbagents.models.messages import RequestUsage as U\n"
        "p.price('local', 'm', U(1, 1)); assert 'genai_prices' not in sys.modules\n"
        "p.price('openai', 'gpt-4o', U(1, 1)); assert 'genai_prices' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_calls_are_not_summed_up_before_they_are_priced() -> None:
    """A prompt above 200,000 tokens costs twice as much each, ten of 30,000 do not."""
    one = RequestUsage(30_000, 1000)
    alone = price("anthropic", "claude-sonnet-4-5", one)
    assert alone is not None
    assert cost_of([("anthropic/claude-sonnet-4-5", one)] * 10).usd == pytest.approx(10 * alone)


def test_a_server_that_counts_wrongly_has_no_price() -> None:
    assert price("openai", "gpt-4o", RequestUsage(-1, 5)) is None
