"""A run that goes on: after its budget, after Stop, after an error; as one run with one journal."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from nbagents.agents import AssistantAgent, CodeWritingAgent, UserProxyAgent
from nbagents.conditions import MaxMessageTermination, TerminationCondition, TextMentionTermination
from nbagents.errors import BudgetReached, ConfigurationError, ModelServerError, RunFailed, RunStopped
from nbagents.models import CreateResult, ReplayChatCompletionClient, RequestUsage
from nbagents.runtime import Answer, Approvals, Budget, Gate, Journal, Question, Run, allowance
from nbagents.runtime.journal import read
from nbagents.teams import RoundRobinGroupChat, Team
from tests.scripted import EndlessExecutor, ScriptedExecutor


class Numbered(ReplayChatCompletionClient):
    """Says how many answers it has given; each takes 100 tokens, and never more than 110."""

    longest = 50

    def __init__(self, *failures: int) -> None:
        super().__init__([])
        self.failures = set(failures)
        """The calls, counted from 1, in which the server is down."""
        self.asked = 0
        self.shown: list[int] = []

    @property
    def answer_limit(self) -> int | None:
        return self.longest

    def count_tokens(self, messages: Any, **options: Any) -> int:
        return 60

    async def create(self, messages: Sequence[Any], **options: Any) -> CreateResult:
        self.asked += 1
        self.shown.append(len(messages))
        if self.asked in self.failures:
            raise ModelServerError("down", provider="openai", model="m")
        usage = RequestUsage(prompt_tokens=60, completion_tokens=40)
        return CreateResult(finish_reason="stop", content=f"answer {self.asked}", usage=usage)


def pair(client: Any, *, max_turns: int | None = 6, condition: TerminationCondition | None = None) -> Team:
    members = [AssistantAgent(name, client) for name in "ab"]
    return RoundRobinGroupChat(members, max_turns=max_turns, termination_condition=condition)


async def ended(run: Run, *, within: float = 5) -> Any:
    """How it ended: the error that its waiters got, or None."""
    try:
        await asyncio.wait_for(run.wait(), within)
    except Exception as error:
        return error
    return None


async def paused_run(path: Path | None = None, *, budget: Budget | None = None, **team: Any) -> Run:
    gate = Gate(Journal(path), budget=budget or Budget(turns=2))
    run = Run("r", pair(Numbered(), **team), gate)
    run.start("go")
    assert isinstance(await ended(run), BudgetReached)
    return run


def types(run: Run) -> list[str]:
    return [entry["type"] for entry in run.journal.entries]


def said(run: Run) -> list[str]:
    return [message.to_text() for message in run.messages]


async def test_it_is_one_run_with_one_journal(tmp_path: Path) -> None:
    run = await paused_run(tmp_path / "r.jsonl")
    assert run.resume("+4turns", by="maria") is run and run.status == "running"
    assert await ended(run) is None
    assert (run.status, run.stop_reason) == ("done", "Maximum number of turns 6 reached.")
    assert said(run) == ["go", *(f"answer {number}" for number in range(1, 7))]
    assert run.usage.calls == 6
    entries = read(tmp_path / "r.jsonl")
    assert entries == run.journal.entries
    assert [entry["turn"] for entry in entries if entry["type"] == "speaker"] == [1, 2, 3, 4, 5, 6]
    [pause, end] = [entry for entry in entries if entry["type"] == "end"]
    [resumed] = [entry for entry in entries if entry["type"] == "resumed"]
    assert (pause["status"], pause["more"], end["status"]) == ("paused", "+2turns", "done")
    assert (resumed["seq"], resumed["by"], resumed["budget"]) == (pause["seq"] + 1, "maria", {"turns": 6})
    assert end["usage"]["calls"] == 6 and "more" not in end
    assert len([entry for entry in entries if entry["type"] in ("run", "task")]) == 2


async def test_it_may_be_paused_again_and_goes_on_again() -> None:
    run = await paused_run()
    assert isinstance(await ended(run.resume("+1turn")), BudgetReached)
    assert run.status == "paused" and len(said(run)) == 4
    assert await ended(run.resume("10turns")) is None
    assert types(run).count("resumed") == 2


async def test_the_turns_of_the_team_and_the_messages_of_its_condition_count_on() -> None:
    run = await paused_run(max_turns=3)
    assert await ended(run.resume("9turns")) is None
    assert len(said(run)) == 4, "the team may take three turns in one run, however often it is paused"
    run = await paused_run(max_turns=None, condition=MaxMessageTermination(5))
    assert await ended(run.resume("9turns")) is None
    assert (len(said(run)), run.stop_reason) == (5, "Maximum number of messages 5 reached, current message count: 5")


async def test_what_was_spent_stays_spent() -> None:
    client = Numbered()
    run = Run("r", pair(client), Gate(budget=Budget(tokens=280)))
    run.start("go")
    assert isinstance(await ended(run), BudgetReached)
    first = client.asked
    assert run.usage.tokens == 100 * first
    assert isinstance(await ended(run.resume("+100tokens")), BudgetReached)
    assert client.asked == first + 1 and run.usage.tokens <= 380


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (None, r"was paused by its budget of 2 turns, and what comes next may bring it to 3 turns: go on with "
               r"r\.resume\('\+2turns'\)"),
        ("2turns", "may bring it to 3 turns"),
        ("+5usd", "no limit of usd to which it could be added; '5usd' sets one"),
        ("5usd", "was paused by its budget of 2 turns"),
        ("+3 apples", "expected words as in"),
        ("+1turn 9turns", "says turns twice"),
    ],
)  # fmt: skip
async def test_a_budget_that_lets_nothing_begin_is_refused(said: str | None, message: str) -> None:
    run = await paused_run()
    before = types(run)
    with pytest.raises(ConfigurationError, match=message):
        run.resume(said)
    assert (run.status, types(run)) == ("paused", before)
    assert await ended(run.resume("+9turns")) is None


async def test_money_that_does_not_pay_for_the_next_call_is_refused() -> None:
    client = Numbered()
    client.provider, client.model, client.longest = "openai", "gpt-4o-mini", 1_000_000  # at most $0.60
    run = Run("r", pair(client), Gate(budget=Budget(usd=0.5)))
    run.start("go")
    assert isinstance(await ended(run), BudgetReached)
    with pytest.raises(ConfigurationError, match=r"budget of \$0.50, and what comes next may bring it to \$0.60"):
        run.resume("+0.05")
    assert run.how_to_resume == "r.resume('+0.50')"
    run.resume("+0.50")
    await ended(run)
    assert run.usage.calls >= 1


async def test_only_a_run_that_ended_without_being_done_can_be_resumed() -> None:
    run = Run("r", pair(Numbered()), Gate(budget=Budget(turns=9)))
    with pytest.raises(ConfigurationError, match="still going on"):
        run.resume()
    run.start("go")
    with pytest.raises(ConfigurationError, match="run 'r' is still going on"):
        run.resume("+1turn")
    assert await ended(run) is None
    with pytest.raises(ConfigurationError, match="run 'r' is done, there is nothing to resume"):
        run.resume("+1turn")


async def test_of_two_resumes_at_once_one_goes_on() -> None:
    run = await paused_run()
    run.resume("+4turns")
    with pytest.raises(ConfigurationError, match="still going on"):
        run.resume("+4turns")
    assert await ended(run) is None
    assert types(run).count("resumed") == 1 and len(said(run)) == 7


async def test_a_run_whose_model_failed_takes_that_turn_again() -> None:
    client = Numbered(3)
    run = Run("r", pair(client), Gate())
    run.start("go")
    assert isinstance(await ended(run), RunFailed)
    assert run.resume().status == "running"
    assert await ended(run) is None
    assert said(run) == ["go", "answer 1", "answer 2", *(f"answer {number}" for number in range(4, 8))]
    assert client.shown[2] == client.shown[3], "the agent is shown the same again"
    turns = [entry["turn"] for entry in run.journal.entries if entry["type"] == "speaker"]
    assert turns == [1, 2, 3, 3, 4, 5, 6], "the turn that failed has its number again"
    assert run.answer == "answer 7"


async def test_an_agent_alone_goes_on_too() -> None:
    client = Numbered(1)
    run = Run("r", AssistantAgent("a", client), Gate())
    run.start("go")
    assert isinstance(await ended(run), RunFailed)
    assert await ended(run.resume()) is None
    assert (said(run), client.shown) == (["go", "answer 2"], [2, 2])


async def test_a_run_that_was_stopped_at_work_goes_on_with_that_turn() -> None:
    executor = EndlessExecutor()
    writer = CodeWritingAgent("coder", executor, ReplayChatCompletionClient(["```python\n1\n```"] * 2 + ["OK"]))
    team = RoundRobinGroupChat([writer], termination_condition=TextMentionTermination("OK"))
    run = Run("r", team, Gate(approvals=Approvals("always")))
    run.start("go")
    await executor.started.wait()
    run.stop()
    assert isinstance(await ended(run), RunStopped)
    writer._executor = ScriptedExecutor("1")
    assert await ended(run.resume()) is None
    assert run.answer == "OK"


async def test_a_run_that_was_stopped_before_it_began_has_not_lost_its_task() -> None:
    run = Run("r", pair(Numbered(), max_turns=1), Gate())
    run.start("go")
    run.stop()
    assert isinstance(await ended(run), RunStopped)
    assert await ended(run.resume()) is None
    assert said(run) == ["go", "answer 1"]


async def test_stop_and_questions_work_in_a_run_that_goes_on() -> None:
    async def silence(question: Question) -> None:
        return None

    run = Run("r", RoundRobinGroupChat([UserProxyAgent("you")], max_turns=3), Gate(asker=silence))
    run.start("go")
    for _ in range(2):
        while run.status != "waiting":
            await asyncio.sleep(0)
        run.stop("maria")
        assert "stopped by maria in turn 1" in str(await ended(run))
        run.resume()
    while run.status != "waiting":
        await asyncio.sleep(0)
    run.detach()
    assert await run.wait_or_detach() is False
    run.answer_question(Answer("reply", text="fine"))
    while len(said(run)) < 2:
        await asyncio.sleep(0)
    run.stop()
    await ended(run)
    assert len(asyncio.all_tasks()) == 1


async def test_who_waited_for_the_pause_is_told_of_it_though_the_run_goes_on_at_once() -> None:
    run = Run("r", pair(Numbered()), Gate(budget=Budget(turns=2)))
    run.start("go")
    assert run._task is not None
    run._task.add_done_callback(lambda _: run.resume("+4turns"))
    assert isinstance(await ended(run), BudgetReached)
    assert await ended(run) is None


async def test_minutes_count_on_but_not_while_it_was_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(allowance.time, "monotonic", lambda: now[0])

    class Slow(Numbered):
        async def create(self, messages: Sequence[Any], **options: Any) -> CreateResult:
            now[0] += 50
            return await super().create(messages, **options)

    run = Run("r", pair(Slow(), max_turns=9), Gate(budget=Budget(minutes=2)))
    run.start("go")
    with pytest.raises(BudgetReached, match="after turn 3"):  # no time limit: asyncio's clock is the one that is set
        await run
    assert run.how_to_resume == "r.resume('+2min')"
    now[0] += 100_000
    run.stop()  # what it holds is given back; its clock stands still all the same
    with pytest.raises(RunStopped, match="when it was paused"):
        await run
    with pytest.raises(BudgetReached, match="budget 4 min reached after turn 5"):
        await run.resume("+2min")


async def test_a_paused_team_keeps_what_it_holds_until_it_is_stopped() -> None:
    did: list[str] = []

    async def hold() -> None:
        did.append("hold")

    async def close() -> None:
        did.append("close")

    run = Run("r", pair(Numbered()), Gate(budget=Budget(turns=2)), hold=hold, close=close)
    run.start("go")
    assert isinstance(await ended(run), BudgetReached)
    assert isinstance(await ended(run.resume("+2turns")), BudgetReached)
    assert did == ["hold", "hold"]
    run.stop()
    with pytest.raises(ConfigurationError, match="still going on"):
        run.resume("+2turns")
    assert str(await ended(run)) == "run 'r' was stopped by you when it was paused"
    assert (run.status, did) == ("stopped", ["hold", "hold", "close"])
    assert [entry["status"] for entry in run.journal.entries if entry["type"] == "end"] == ["paused"] * 2 + ["stopped"]
    assert await ended(run.resume("9turns")) is None
    assert did == ["hold", "hold", "close", "close"]


async def test_stop_while_a_paused_run_puts_its_things_in_order_closes_it() -> None:
    holding, did = asyncio.Event(), list[str]()

    async def hold() -> None:
        holding.set()
        await asyncio.Event().wait()

    async def close() -> None:
        did.append("close")

    run = Run("r", pair(Numbered()), Gate(budget=Budget(turns=2)), hold=hold, close=close)
    run.start("go")
    await holding.wait()
    run.stop()
    assert isinstance(await ended(run), RunStopped)
    assert (run.status, did) == ("stopped", ["close"])


async def test_a_thread_without_a_loop_changes_nothing() -> None:
    run = await paused_run()
    before = types(run)
    with pytest.raises(RuntimeError, match="no running event loop"):
        await asyncio.to_thread(run.resume, "+4turns")
    assert (run.status, types(run)) == ("paused", before)
    assert await ended(run.resume("+4turns")) is None


async def test_a_budget_that_paused_a_run_is_remembered_though_it_was_stopped_then() -> None:
    run = await paused_run()
    run.stop()
    assert isinstance(await ended(run), RunStopped)
    assert run.how_to_resume == "r.resume('+2turns')"
    assert run.journal.entries[-1]["more"] == "+2turns"
    with pytest.raises(ConfigurationError, match="was paused by its budget of 2 turns"):
        run.resume()
    assert await ended(run.resume("+4turns")) is None
    assert "more" not in run.journal.entries[-1]


async def test_a_cell_that_goes_on_with_a_detached_run_waits_for_it() -> None:
    async def silence(question: Question) -> None:
        return None

    async def asked() -> None:
        while run.status != "waiting":
            await asyncio.sleep(0)

    run = Run("r", RoundRobinGroupChat([UserProxyAgent("you")], max_turns=1), Gate(asker=silence))
    run.start("go")
    await asked()
    run.detach()
    run.stop()
    await ended(run)
    run.resume()
    await asked()
    cell = asyncio.create_task(run.wait_or_detach())
    for _ in range(9):
        await asyncio.sleep(0)
    assert not cell.done()
    run.answer_question(Answer("reply", text="fine"))
    assert await cell is True and run.status == "done"


async def test_what_cannot_be_given_back_after_a_pause_is_said() -> None:
    async def fine() -> None:
        return None

    async def close() -> None:
        raise OSError("the engine is gone")

    run = Run("r", pair(Numbered()), Gate(budget=Budget(turns=2)), hold=fine, close=close)
    run.start("go")
    assert isinstance(await ended(run), BudgetReached)
    run.stop()
    assert "the engine is gone" in str(await ended(run)) and run.status == "failed"
