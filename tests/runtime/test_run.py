"""A run: its life, its answer, and what becomes of it when it is stopped, fails or asks in vain."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Sequence
from typing import Any

import pytest

from nbagents.agents import AssistantAgent, CodeWritingAgent, UserProxyAgent
from nbagents.agents.chat_agent import BaseChatAgent
from nbagents.conditions import StopMessageTermination, TextMentionTermination
from nbagents.errors import (
    ConfigurationError,
    HumanInputUnavailable,
    ModelConnectionError,
    RunFailed,
    RunNotFinished,
    RunStopped,
)
from nbagents.models import ReplayChatCompletionClient
from nbagents.runtime import Answer, Approvals, Gate, Question, Run
from nbagents.runtime.journal import Entry
from nbagents.teams import RoundRobinGroupChat
from tests.scripted import EndlessExecutor, ScriptedExecutor, ScriptedPerson

CODE = "First:\n```python\nprint(1)\n```"


def assistant(name: str, *answers: str) -> AssistantAgent:
    return AssistantAgent(name, ReplayChatCompletionClient(answers), model_client_stream=True)


def coder(executor: Any, *answers: str, **options: Any) -> CodeWritingAgent:
    return CodeWritingAgent("coder", executor, model_client=ReplayChatCompletionClient(answers), **options)


def run_of(agents: Sequence[BaseChatAgent], *, gate: Gate | None = None, stop: str = "OK", max_turns: int = 4) -> Run:
    condition = TextMentionTermination(stop) | StopMessageTermination()
    team = RoundRobinGroupChat(list(agents), termination_condition=condition, max_turns=max_turns)
    return Run("r", team, gate or Gate(), stop_text=stop)


def types(run: Run) -> list[str]:
    return [entry["type"] for entry in run.journal.entries]


async def test_the_answer_is_the_last_message_that_says_more_than_the_stop_word() -> None:
    run = run_of([assistant("a", "It is 42."), assistant("b", "**OK**")])
    run.start("What is it?")
    await run
    assert (run.status, run.answer, run.stop_reason) == ("done", "It is 42.", "Text 'OK' mentioned")
    assert [message.source for message in run.messages] == ["user", "a", "b"]
    assert run.usage.calls == 2
    assert set(run.usage.by_agent) == {"a", "b"}


async def test_every_line_is_written_before_what_depends_on_it() -> None:
    executor = ScriptedExecutor("1")
    run = run_of([coder(executor, CODE, "It is 1. OK")], gate=Gate(asker=ScriptedPerson([Answer("run")])))
    run.start("task")
    await run
    assert types(run) == [
        "run", "task", "speaker", "effect", "result", "message", "question", "answer", "effect", "result", "message",
        "effect", "result", "message", "end",
    ]  # fmt: skip


async def test_an_answer_before_the_end_is_an_error_that_says_what_to_do() -> None:
    run = run_of([UserProxyAgent("you")], gate=Gate(asker=_silence))
    run.start("task")
    await _until(lambda: run.status == "waiting")
    with pytest.raises(RunNotFinished, match='put "await r" before this'):
        _ = run.answer
    run.stop()
    with pytest.raises(RunStopped):
        await run


async def test_stop_ends_a_run_that_waits_for_a_person() -> None:
    run = run_of([UserProxyAgent("you")], gate=Gate(asker=_silence))
    run.start("task")
    await _until(lambda: run.status == "waiting")
    run.stop()
    run.stop()
    with pytest.raises(RunStopped, match="stopped by you in turn 1"):
        await run
    assert run.status == "stopped"
    assert types(run)[-1] == "end"
    assert run.gate.questions.all() == []
    assert len(asyncio.all_tasks()) == 1


async def test_stop_ends_a_block_that_never_ends_and_keeps_what_it_had_shown() -> None:
    executor = EndlessExecutor("so far, with " + "sk-proj-" + "Ab1_-" * 8)
    run = run_of([coder(executor, CODE)], gate=Gate(approvals=Approvals("always")))
    run.start("task")
    await executor.started.wait()
    run.stop()
    with pytest.raises(RunStopped):
        await run
    assert executor.cancelled
    result = next(entry for entry in reversed(run.journal.entries) if entry["type"] == "result")
    assert result["ok"] is False and "CancelledError" in result["error"]
    assert result["value"]["exit_code"] == 130
    assert result["value"]["output"] == result["value"]["outputs"][0]["text"]
    assert result["value"]["output"].startswith("so far, with ") and "Ab1" not in result["value"]["output"]
    assert len(asyncio.all_tasks()) == 1


async def test_an_error_of_an_agent_names_it_and_keeps_the_cause() -> None:
    class Broken(ReplayChatCompletionClient):
        async def create(self, *arguments: Any, **options: Any) -> Any:
            raise ModelConnectionError("cannot reach it", provider="openai", model="m")

    run = run_of([assistant("a", "hello"), AssistantAgent("b", Broken([]))])
    run.start("task")
    with pytest.raises(
        RunFailed, match=r"run 'r': b failed in turn 2: ModelConnectionError: cannot reach it"
    ) as caught:
        await run
    assert isinstance(caught.value, RuntimeError)
    assert isinstance(caught.value.__cause__, RunFailed)
    assert isinstance(caught.value.__cause__.__cause__, ModelConnectionError)
    assert run.status == "failed"
    with pytest.raises(RunFailed):
        _ = run.answer


async def test_a_question_that_nobody_can_answer_fails_the_run() -> None:
    async def nobody(question: Question) -> None:
        raise HumanInputUnavailable("no front end")

    run = run_of([coder(ScriptedExecutor(), CODE)], gate=Gate(asker=nobody))
    run.start("task")
    with pytest.raises(HumanInputUnavailable, match="no front end"):
        await run
    assert run.status == "failed"


async def test_an_edited_block_runs_as_edited_and_the_model_is_told() -> None:
    executor = ScriptedExecutor("2")
    client = ReplayChatCompletionClient([CODE, "It is 2. OK"])
    agent = CodeWritingAgent("coder", executor, model_client=client)
    run = run_of([agent], gate=Gate(asker=ScriptedPerson([Answer("edit", code="print(2)")])))
    run.start("task")
    await run
    assert executor.ran == ["print(2)"]
    told = client.create_calls[1]["messages"][-1].content
    assert "changed the code" in told and "print(2)" in told


async def test_a_rejected_block_does_not_run_and_the_model_is_told_why() -> None:
    executor = ScriptedExecutor()
    client = ReplayChatCompletionClient([CODE, "I could not. OK"])
    agent = CodeWritingAgent("coder", executor, model_client=client)
    run = run_of([agent], gate=Gate(asker=ScriptedPerson([Answer("reject", text="wrong table")])))
    run.start("task")
    await run
    assert executor.ran == []
    assert "not approved. Reason: wrong table" in str(client.create_calls[1]["messages"][-1].content)


async def test_allow_runs_the_further_blocks_of_that_agent_unasked() -> None:
    executor = ScriptedExecutor("1", "1")
    person = ScriptedPerson([Answer("allow")])
    run = run_of([coder(executor, CODE, "one", CODE, "two OK")], gate=Gate(asker=person))
    run.start("task")
    await run
    assert executor.ran == ["print(1)", "print(1)"]
    assert len(person.questions) == 1


async def test_the_first_answer_counts() -> None:
    run = run_of([coder(ScriptedExecutor("1"), CODE, "done OK")], gate=Gate(asker=_silence))
    run.start("task")
    await _until(lambda: run.status == "waiting")
    question = run.answer_question(Answer("run", channel="widget"))
    assert question is not None
    assert question.answer(Answer("reject", channel="magic")) is False
    await run
    assert next(e for e in run.journal.entries if e["type"] == "answer")["channel"] == "widget"


async def test_a_decision_that_does_not_answer_the_question_is_refused() -> None:
    run = run_of([coder(ScriptedExecutor("1"), CODE, "done OK")], gate=Gate(asker=_silence))
    run.start("task")
    await _until(lambda: run.status == "waiting")
    with pytest.raises(ConfigurationError, match="does not answer question q1: expected allow, edit, reject, run"):
        run.answer_question(Answer("reply", text="hm"))
    run.stop()
    with pytest.raises(RunStopped):
        await run


async def test_a_person_may_end_the_conversation() -> None:
    run = run_of(
        [assistant("a", "Shall I go on?"), UserProxyAgent("you")], gate=Gate(asker=ScriptedPerson([Answer("end")]))
    )
    run.start("task")
    await run
    assert run.status == "done"
    assert run.stop_reason == "Stop message received"


async def test_detach_lets_the_waiter_go_and_the_run_on() -> None:
    run = run_of([UserProxyAgent("you")], gate=Gate(asker=_silence))
    run.start("task")
    await _until(lambda: run.status == "waiting")
    run.detach()
    assert await run.wait_or_detach() is False
    run.answer_question(Answer("reply", text="fine, OK"))
    await run
    assert run.answer == "fine, OK"


async def test_cancelling_the_wait_leaves_the_run_going_on() -> None:
    run = run_of([UserProxyAgent("you")], gate=Gate(asker=_silence))
    run.start("task")
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(run.wait(), 0.02)
    assert not run.ended
    run.answer_question(Answer("reply", text="OK"))
    await run


async def test_a_secret_in_an_output_reaches_neither_journal_nor_model() -> None:
    client = ReplayChatCompletionClient([CODE, "OK"])
    from nbagents.runtime import Redactor

    gate = Gate(approvals=Approvals("always"), redactor=Redactor({"MY_KEY": "planted-1234567"}))
    run = run_of([CodeWritingAgent("coder", ScriptedExecutor("key=planted-1234567"), model_client=client)], gate=gate)
    run.start("task")
    await run
    assert "planted-1234567" not in str(run.journal.entries)
    assert "planted-1234567" not in str(client.create_calls)
    assert "[redacted MY_KEY]" in str(client.create_calls[1])


async def test_a_listener_hears_every_entry_and_every_chunk() -> None:
    heard: list[Entry] = []
    chunks: list[str] = []

    class Screen:
        def entry(self, entry: Entry) -> None:
            heard.append(entry)

        def chunk(self, agent: str, message_id: str, text: str) -> None:
            chunks.append(text)

    gate = Gate()
    gate.listeners.append(Screen())
    run = run_of([assistant("a", "It is all right. OK")], gate=gate)
    run.start("task")
    await run
    assert heard == run.journal.entries
    assert "".join(chunks) == "It is all right. OK"


async def _silence(question: Question) -> None:
    return None


async def _until(condition: Any) -> None:
    """Let the loop turn until `condition` holds; a run has no event for each of its states."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("the condition never held")


async def test_a_run_that_is_stopped_as_soon_as_it_was_started_ends_as_stopped() -> None:
    run = run_of([assistant("a", "It is 42.")])
    run.start("What is it?")
    run.stop()
    with pytest.raises(RunStopped, match=r"stopped by you (before the first turn|in turn 1)"):
        await asyncio.wait_for(run.wait(), 1)
    assert run.status == "stopped" and types(run)[-1] == "end"


@pytest.mark.parametrize("failure", [OSError("no room"), asyncio.CancelledError()])
async def test_a_run_whose_team_cannot_be_closed_ends_all_the_same(failure: BaseException) -> None:
    async def close() -> None:
        raise failure

    for answers, expected in ((["OK"], RunStopped if isinstance(failure, asyncio.CancelledError) else RunFailed),
                              ([], RunFailed)):  # fmt: skip
        made = run_of([assistant("a", *answers)])
        run = Run("r", made._team, Gate(), close=close)
        run.start("task")
        with pytest.raises(expected, match="stopped|no room" if answers else "a failed in turn 1"):
            await run
        assert run.ended and run.journal.entries[-1]["type"] == "end"


async def test_what_a_team_raises_has_no_secret_in_any_of_its_errors() -> None:
    key = "sk-proj-planted0123456789abcdefABCDEF"

    class Leaky:
        async def run(self, *, task: Any = None) -> Any:
            try:
                raise KeyError(key)
            except KeyError as error:
                raise ValueError(f"no answer with {key}") from error

    run = Run("r", Leaky(), Gate())
    run.start("go")
    with pytest.raises(RunFailed, match="no answer with") as caught:
        await run
    assert key not in "".join(traceback.format_exception(caught.value))
