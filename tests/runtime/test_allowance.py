"""A budget stops a run before what could exceed it, loses nothing, and lets the next run go on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from nbagents.agents import AssistantAgent, UserProxyAgent
from nbagents.errors import BudgetReached, ModelServerError, RunStopped
from nbagents.models import (
    ChatCompletionCache,
    ChatCompletionClient,
    CreateResult,
    FallbackChatCompletionClient,
    ReplayChatCompletionClient,
    RequestUsage,
)
from nbagents.runtime import Answer, Budget, Gate, Question, Run, allowance, passing
from nbagents.runtime.usage import Usage
from nbagents.teams import RoundRobinGroupChat, SelectorGroupChat
from tests.scripted import ScriptedPerson


class Paid(ReplayChatCompletionClient):
    """Answers "ok" for ever, for a price: a prompt of 1000 tokens, an answer of 500, and never one above `limit`."""

    provider, limit = "openai", 1000

    def __init__(self, model: str = "gpt-4o-mini", used: int = 500) -> None:
        usage = RequestUsage(1000, used)
        super().__init__([CreateResult(finish_reason="stop", content="ok", usage=usage)] * 50)
        self.model = model

    @property
    def answer_limit(self) -> int | None:
        return self.limit

    def count_tokens(self, messages: Any, **options: Any) -> int:
        return 1000


CALL = 0.001 * 0.15 + 0.0005 * 0.60
BOUND = 0.001 * 0.15 + 0.001 * 0.60


def team(*clients: ChatCompletionClient, turns: int = 10, names: Sequence[str] = "ab") -> RoundRobinGroupChat:
    members = [AssistantAgent(name, client) for name, client in zip(names, clients, strict=False)]
    return RoundRobinGroupChat(members, max_turns=turns)


async def stopped_by(limit: Budget, client: ChatCompletionClient | None = None) -> tuple[Gate, BudgetReached]:
    with passing(Gate(budget=limit)) as gate, pytest.raises(BudgetReached) as caught:
        await team(client or Paid()).run(task="go")
    return gate, caught.value


@pytest.mark.parametrize(
    ("limit", "calls", "said"),
    [
        # After two calls $0.0009 are spent, and a third could take $0.00075 more; after three 4500 tokens, and 2000.
        (Budget(usd=0.0016), 2, "budget $0.002 reached after turn 2 (nothing lost)"),
        (Budget(tokens=5000), 3, "budget 5,000 tokens reached after turn 3 (nothing lost)"),
        (Budget(turns=3), 3, "budget 3 turns reached after turn 3 (nothing lost)"),
        (Budget(usd=1, tokens=100_000, turns=1), 1, "budget 1 turn reached after turn 1 (nothing lost)"),
    ],
)
async def test_it_stops_before_the_call_that_could_exceed_it(limit: Budget, calls: int, said: str) -> None:
    client = Paid()
    gate, error = await stopped_by(limit, client)
    assert str(error) == said
    assert len(client.create_calls) == gate.usage.calls == calls
    assert gate.usage.cost.usd <= (limit.usd or 1) and gate.usage.tokens <= (limit.tokens or 10**9)
    assert isinstance(error, RunStopped) and error.limit in said


async def test_the_first_call_may_be_too_much_already() -> None:
    client = Paid()
    _, error = await stopped_by(Budget(usd=BOUND * 0.99), client)
    assert str(error) == "budget $0.0007 reached before the first turn ended (nothing lost)"
    assert client.create_calls == []


async def test_without_a_limit_of_its_own_an_answer_is_taken_to_be_long() -> None:
    class Unlimited(Paid):
        limit = None

    await stopped_by(Budget(tokens=1000 + allowance.ASSUMED_ANSWER - 1), Unlimited())
    gate, _ = await stopped_by(Budget(tokens=1000 + allowance.ASSUMED_ANSWER), Unlimited())
    assert gate.usage.calls == 1
    # One answer was longer than is assumed: the next is taken to be twice as long at most.
    gate, _ = await stopped_by(Budget(tokens=30_000), Unlimited(used=5000))
    assert gate.usage.tokens == 24_000, "a call more would have to fit with 11,000"


async def test_a_call_that_waits_for_its_answer_holds_its_share() -> None:
    asked, let_go = asyncio.Event(), asyncio.Event()

    class Slow(Paid):
        async def create(self, messages: Any, **options: Any) -> CreateResult:
            asked.set()
            await let_go.wait()
            return await super().create(messages, **options)

    with passing(Gate(budget=Budget(tokens=3999))):
        first = asyncio.create_task(AssistantAgent("a", Slow()).run(task="go"))
        await asked.wait()
        with pytest.raises(BudgetReached):
            await AssistantAgent("b", Paid()).run(task="go")
        let_go.set()
        await first
        await AssistantAgent("b", Paid()).run(task="go")


async def test_a_price_that_is_not_known_does_not_bind_and_tokens_do() -> None:
    gate, error = await stopped_by(Budget(usd=0.0001, tokens=3600), Paid("nobody-knows"))
    assert error.limit == "3,600 tokens"
    assert gate.allowance is not None and gate.allowance.unpriced == {"openai/nobody-knows"}
    said = [entry for entry in gate.journal.entries if entry["type"] == "unpriced"]
    assert [(entry["model"], entry["limit"]) for entry in said] == [("openai/nobody-knows", "$0.0001")]
    assert gate.usage.calls == 2, "it is said once"


async def test_minutes_count_without_those_of_waiting_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(allowance.time, "monotonic", lambda: now[0])

    async def person(question: Question) -> None:
        now[0] += 3600
        question.answer(Answer("reply", text="go on"))

    class Hour(Paid):
        async def create(self, messages: Any, **options: Any) -> CreateResult:
            now[0] += 61
            return await super().create(messages, **options)

    chat = RoundRobinGroupChat([UserProxyAgent("you"), AssistantAgent("a", Hour())], max_turns=10)
    with passing(Gate(budget=Budget(minutes=2), asker=person)) as gate, pytest.raises(BudgetReached) as caught:
        await chat.run(task="go")
    assert str(caught.value) == "budget 2 min reached after turn 4 (nothing lost)"
    assert gate.usage.calls == 2


async def test_the_next_run_goes_on_where_the_budget_ended_the_last() -> None:
    client = Paid()
    chat = team(client, Paid(), turns=4)
    with passing(Gate(budget=Budget(turns=3))) as gate:
        with pytest.raises(BudgetReached):
            await chat.run(task="go")
        gate.budget = None
        result = await chat.run()
    # The fourth speaker was chosen already; the limit of four turns is that of a run.
    assert [message.source for message in result.messages] == ["b", "a", "b", "a"]
    assert len(client.create_calls[-1]["messages"]) > 4, "what was said before is remembered"


async def test_a_run_is_paused_and_its_journal_is_whole() -> None:
    run = Run("r", team(Paid(), Paid()), Gate(budget=Budget(turns=2)))
    run.start("go")
    with pytest.raises(BudgetReached, match="budget 2 turns reached after turn 2"):
        await run
    assert (run.status, run.ended) == ("paused", True)
    assert [message.source for message in run.messages] == ["user", "a", "b"]
    end = run.journal.entries[-1]
    assert (end["type"], end["status"]) == ("end", "paused")
    assert end["reason"] == "budget 2 turns reached after turn 2 (nothing lost)"
    assert len(asyncio.all_tasks()) == 1
    with pytest.raises(BudgetReached):
        _ = run.answer


async def test_a_tool_that_asks_a_model_cannot_go_over_it() -> None:
    from nbagents.agents import AgentTool
    from nbagents.models import FunctionCall

    expert = AssistantAgent("expert", Paid(), description="knows")
    ask = CreateResult(
        finish_reason="function_calls",
        content=[FunctionCall("1", '{"task": "x"}', "expert")],
        usage=RequestUsage(1000, 500),
    )
    clerk_client = Paid()
    clerk_client.chat_completions = [ask, *clerk_client.chat_completions]
    clerk = AssistantAgent("clerk", clerk_client, tools=[AgentTool(expert)])
    with passing(Gate(budget=Budget(tokens=3000), asker=ScriptedPerson([]))), pytest.raises(BudgetReached):
        await clerk.run(task="go")


async def test_a_fallback_is_bounded_by_the_dearest_that_may_answer() -> None:
    class Down(Paid):
        async def create(self, messages: Any, **options: Any) -> CreateResult:
            raise ModelServerError("down", provider=self.provider, model=self.model)

    dear = Paid("gpt-4o")  # 17 times as much: at most $0.0125 for a call
    answer = CreateResult(finish_reason="stop", content="ok", usage=RequestUsage(1000, 500), model="gpt-4o")
    dear.chat_completions = [answer] * 50
    for client in (FallbackChatCompletionClient([Down(), dear]),
                   ChatCompletionCache(FallbackChatCompletionClient([Down(), dear]))):  # fmt: skip
        gate, error = await stopped_by(Budget(usd=0.012), client)
        assert (gate.usage.calls, error.limit) == (0, "$0.01")
    gate, _ = await stopped_by(Budget(usd=0.02), FallbackChatCompletionClient([Down(), dear]))
    assert gate.usage.calls == 2 and gate.usage.cost.usd <= 0.02


async def test_the_limit_of_one_call_holds_for_that_call() -> None:
    async def ask(limit: int) -> None:
        with passing(Gate(budget=Budget(tokens=2500))) as gate:
            answer = gate.model("a", Paid(), [], extra_create_args={"max_tokens": limit})
            assert [part async for part in answer]

    await ask(1500)
    with pytest.raises(BudgetReached):
        await ask(1501)


async def test_the_choice_of_a_speaker_is_between_turns() -> None:
    chooser = Paid()
    chooser.chat_completions = [
        CreateResult(finish_reason="stop", content=name, usage=RequestUsage(1000, 500)) for name in "abab"
    ]
    members = [AssistantAgent(name, Paid()) for name in "ab"]
    with passing(Gate(budget=Budget(tokens=4900))), pytest.raises(BudgetReached, match="after turn 1 "):
        await SelectorGroupChat(members, chooser, max_turns=9).run(task="go")


async def test_two_people_who_are_waited_for_at_once_take_their_time_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(allowance.time, "monotonic", lambda: now[0])
    left = allowance.Allowance(Budget(minutes=1), Usage(), lambda model: None)
    now[0] = 1000.0
    left.take_turn(0)  # only now the run begins
    with left.waiting():
        now[0] += 600
        with left.waiting():
            now[0] += 600
            left.take_turn(1)  # another branch goes on meanwhile
    now[0] += 59
    left.take_turn(2)
    now[0] += 2
    with pytest.raises(BudgetReached):
        left.take_turn(3)
