"""Journals of real runs, made with scripted models, executors and people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from nbagents.agents import AssistantAgent, CodeExecutorAgent, CodeWritingAgent, UserProxyAgent
from nbagents.code import CodeResult, NamesChange
from nbagents.conditions import StopMessageTermination, TextMentionTermination
from nbagents.errors import RunError
from nbagents.messages import TextMessage
from nbagents.models import ReplayChatCompletionClient
from nbagents.runtime import Answer, Approvals, Budget, Gate, Run
from nbagents.runtime.journal import Entry
from nbagents.teams import RoundRobinGroupChat
from tests.scripted import EndlessExecutor, ScriptedExecutor, ScriptedPerson
from tests.widgets.test_outputs import png

CODE = "I will count.\n\n```python\nn = 6 * 7\nn\n```\n\nThen I will know."
TWO_BLOCKS = "One:\n\n```python\na = 1\n```\n\nTwo:\n\n```python\nb = 2\n```\n"
CHART = CodeResult(
    exit_code=0,
    output="42\n[figure]",
    outputs=[
        {"output_type": "stream", "name": "stdout", "text": "42\n"},
        {"output_type": "display_data", "data": {"image/png": png(), "text/plain": "<Figure>"}, "metadata": {}},
    ],
    names=NamesChange(created=("n",), rebound=("df",)),
)
FAILED = CodeResult(
    exit_code=1,
    output="NameError: name 'df' is not defined",
    outputs=[{"output_type": "error", "ename": "NameError", "evalue": "name 'df' is not defined", "traceback": []}],
)
YES, EDIT = Answer("run", channel="widget"), Answer("edit", code="n = 43", channel="widget")
NO, ALL = Answer("reject", text="use the data", channel="widget"), Answer("allow", channel="magic")
REPLY, END = Answer("reply", text="Go on, please.", channel="widget"), Answer("end", channel="widget")


def assistant(name: str, *answers: str) -> AssistantAgent:
    return AssistantAgent(name, ReplayChatCompletionClient(answers), model_client_stream=True)


def analyst(executor: Any, *answers: str, retries: int = 0) -> CodeWritingAgent:
    client = ReplayChatCompletionClient(answers)
    return CodeWritingAgent(
        "analyst", executor, model_client=client, model_client_stream=True, max_retries_on_error=retries
    )


def run_of(*agents: Any, answers: Sequence[Answer] = (), approve: str = "ask", max_turns: int = 6) -> Run:
    """A run of a round robin that ends with the word APPROVED."""
    names = [agent.name for agent in agents]
    condition = TextMentionTermination("APPROVED", sources=names) | StopMessageTermination()
    team = RoundRobinGroupChat(list(agents), termination_condition=condition, max_turns=max_turns)
    lock = {
        "team": {"name": "churn_team", "agents": names, "stop": "APPROVED", "max_turns": max_turns},
        "agents": [],
        "shared": {"df": "DataFrame with 3 rows and 2 columns"},
        "settings": {"approve": approve, "code": "live"},
    }
    gate = Gate(approvals=Approvals(approve), asker=ScriptedPerson(answers))
    return Run("churn", team, gate, lock=lock, stop_text="APPROVED")


TASK = [
    TextMessage(content="How many?", source="user"),
    TextMessage(content="Data in the notebook: df", source="user", metadata={"nbagents": "shared"}),
]


async def entries_of(run: Run) -> list[Entry]:
    """The journal of `run` after it has ended, well or badly."""
    run.start(TASK)
    try:
        await run
    except RunError:
        assert run.ended
    return run.journal.entries


def critic() -> AssistantAgent:
    return assistant("critic", "Well done. APPROVED")


async def approved() -> list[Entry]:
    return await entries_of(run_of(analyst(ScriptedExecutor(CHART), CODE, "It is **42**."), critic(), answers=[YES]))


async def edited() -> list[Entry]:
    return await entries_of(run_of(analyst(ScriptedExecutor(CHART), CODE, "It is 43."), critic(), answers=[EDIT]))


async def rejected() -> list[Entry]:
    return await entries_of(run_of(analyst(ScriptedExecutor(), CODE, "I cannot say."), critic(), answers=[NO]))


async def first_of_two_fails() -> list[Entry]:
    executor = ScriptedExecutor(FAILED, "ok", "ok")
    agent = analyst(executor, TWO_BLOCKS, TWO_BLOCKS, "Both ran.", retries=1)
    return await entries_of(run_of(agent, critic(), answers=[YES, ALL]))


async def unasked() -> list[Entry]:
    return await entries_of(run_of(analyst(ScriptedExecutor(CHART), CODE, "42."), critic(), approve="always"))


async def executor_without_model() -> list[Entry]:
    """One agent writes, another runs what was written, and says so in a message."""
    runner = CodeExecutorAgent("runner", ScriptedExecutor("42"))
    return await entries_of(run_of(assistant("writer", CODE, "It is 42. APPROVED"), runner, answers=[YES]))


async def person() -> list[Entry]:
    agents = [assistant("a", "Shall I?", "Done. APPROVED"), UserProxyAgent("you")]
    return await entries_of(run_of(*agents, answers=[REPLY]))


async def person_ends() -> list[Entry]:
    return await entries_of(run_of(assistant("a", "Shall I?"), UserProxyAgent("you"), answers=[END]))


async def stopped_in_code() -> list[Entry]:
    executor = EndlessExecutor("printed before the stop\n")
    run = run_of(analyst(executor, TWO_BLOCKS), answers=[YES])
    run.start(TASK)
    await executor.started.wait()
    run.stop()
    try:
        await run
    except RunError:
        assert run.status == "stopped"
    return run.journal.entries


async def paused_and_resumed() -> list[Entry]:
    """Its budget ends it after the block, before the answer; with a larger one it goes on."""
    run = run_of(analyst(ScriptedExecutor(CHART), CODE, "It is **42**."), critic(), approve="always")
    run.gate.budget = Budget(turns=1)
    await entries_of(run)
    with suppress(RunError):
        await run.resume("+2turns")
    return run.journal.entries


async def failed() -> list[Entry]:
    return await entries_of(run_of(assistant("a"), critic()))


async def cut_off() -> list[Entry]:
    """The kernel died while a block ran: there is no result and no end."""
    entries = await approved()
    last = max(index for index, entry in enumerate(entries) if entry.get("kind") == "code")
    return entries[: last + 1]


RUNS: dict[str, Callable[[], Awaitable[list[Entry]]]] = {
    make.__name__: make
    for make in (
        approved, edited, rejected, first_of_two_fails, unasked, executor_without_model,
        person, person_ends, stopped_in_code, paused_and_resumed, failed, cut_off,
    )
}  # fmt: skip
