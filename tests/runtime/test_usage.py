"""What a run spent, in tokens and money, per agent and per model; and what the journal keeps of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nbagents.agents import AssistantAgent, TaskResult
from nbagents.models import CreateResult, ReplayChatCompletionClient, RequestUsage
from nbagents.runtime import Gate, Journal, Run, passing
from nbagents.runtime.usage import Usage
from nbagents.teams import RoundRobinGroupChat, SelectorGroupChat

USED = RequestUsage(100_000, 10_000)
USD = 0.1 * 0.15 + 0.01 * 0.60


class Paid(ReplayChatCompletionClient):
    """Answers from a script, and is billed."""

    provider = "openai"

    def __init__(self, *answers: str, model: str = "gpt-4o-mini", cached: bool = False) -> None:
        super().__init__(
            [CreateResult(finish_reason="stop", content=text, usage=USED, cached=cached) for text in answers]
        )
        self.model = model


def team(*clients: ReplayChatCompletionClient) -> RoundRobinGroupChat:
    members = [AssistantAgent(f"a{number}", client) for number, client in enumerate(clients)]
    return RoundRobinGroupChat(members, max_turns=len(members))


async def test_cost_per_agent_per_model_and_in_all() -> None:
    usage = (await team(Paid("one"), Paid("two", model="nobody-knows"), Paid("three")).run(task="go")).usage
    assert usage.cost.usd == pytest.approx(2 * USD)
    assert usage.cost.unknown == ("openai/nobody-knows",)
    assert usage.cost_by_agent["a0"].usd == pytest.approx(USD)
    assert str(usage.cost_by_agent["a1"]) == "price of openai/nobody-knows unknown"
    assert usage.cost_by_model["openai/gpt-4o-mini"].usd == pytest.approx(2 * USD)
    assert str(usage.cost) == "at least $0.04 (price of openai/nobody-knows unknown)"


async def test_the_selectors_calls_cost_too() -> None:
    members = [AssistantAgent(name, Paid("hello")) for name in ("ann", "ben")]
    chat = SelectorGroupChat(members, Paid("ben", "ann"), max_turns=2, name="choosers", allow_repeated_speaker=True)
    usage = (await chat.run(task="go")).usage
    assert usage.cost.usd == pytest.approx(4 * USD)
    assert usage.cost_by_agent["choosers"].usd == pytest.approx(2 * USD)


async def test_a_cached_answer_costs_nothing() -> None:
    usage = (await team(Paid("one", cached=True)).run(task="go")).usage
    assert (usage.tokens, usage.cost.usd, usage.cost.known) == (110_000, 0.0, True)


async def test_a_result_dumps_and_loads_its_usage() -> None:
    result = await team(Paid("one")).run(task="go")
    said = {"messages": [], **json.loads(result.model_dump_json(include={"usage"}))}
    usage = type(result).model_validate(said).usage
    assert isinstance(usage, Usage)
    assert usage.cost.usd == pytest.approx(USD)


def test_what_is_added_to_a_result_and_an_answer_is_not_in_their_text() -> None:
    assert repr(TaskResult(messages=[], stop_reason="s")) == "TaskResult(messages=[], stop_reason='s')"
    answer = CreateResult(finish_reason="stop", content="x", usage=RequestUsage(1, 2), model="m", billed_by="b")
    assert str(answer).endswith("cached=False logprobs=None thought=None")


@pytest.mark.parametrize("on_disk", [False, True])
async def test_the_journal_keeps_the_cost_of_a_call_where_the_price_is_known(on_disk: bool, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl" if on_disk else None
    with passing(Gate(Journal(path))) as gate:
        await team(Paid("one"), Paid("two", model="nobody-knows")).run(task="go")
        gate.journal.close()
    entries = gate.journal.entries
    costs = [entry.get("cost") for entry in entries if entry["type"] == "result"]
    assert costs == [pytest.approx(USD), None]


async def test_a_run_says_what_it_cost() -> None:
    run = Run("r", team(Paid("one"), Paid("two", model="nobody-knows")), Gate())
    run.start("go")
    await run
    assert run.cost.usd == pytest.approx(USD)
    end = run.journal.entries[-1]
    assert end["usage"]["cost"] == pytest.approx(USD)
    assert end["usage"]["unpriced"] == ["openai/nobody-knows"]


async def test_a_run_costs_what_its_calls_cost_each() -> None:
    used = RequestUsage(30_000, 1000)
    client = Paid(*["ok"] * 10, model="gemini-2.5-pro")
    client.provider = "google"  # above 200,000 tokens in a prompt its price doubles
    client.chat_completions = [CreateResult(finish_reason="stop", content="ok", usage=used)] * 10
    chat = RoundRobinGroupChat([AssistantAgent("a", client)], max_turns=10)
    with passing(Gate()) as gate:
        usage = (await chat.run(task="go")).usage
    each = [entry["cost"] for entry in gate.journal.entries if entry["type"] == "result"]
    assert usage.cost.usd == gate.usage.cost.usd == pytest.approx(sum(each))
    assert usage.total == RequestUsage(300_000, 10_000)


async def test_a_run_whose_server_counts_wrongly_ends_too() -> None:
    client = Paid("one")
    client.chat_completions = [CreateResult(finish_reason="stop", content="x", usage=RequestUsage(-1, 5))]
    run = Run("r", team(client), Gate())
    run.start("go")
    await run
    assert (run.status, str(run.cost)) == ("done", "price of openai/gpt-4o-mini unknown")
