"""Every way to end a run ends all of it within a second, in every state; the next run goes on correctly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from nbagents.agents import AssistantAgent, CodeExecutorAgent, UserProxyAgent
from nbagents.cancellation import CancellationToken
from nbagents.conditions import MaxMessageTermination
from nbagents.models import CreateResult, FunctionCall, ReplayChatCompletionClient, RequestUsage
from nbagents.runtime import Approvals, Gate, Question, passing
from nbagents.runtime.core import SingleThreadedAgentRuntime
from nbagents.teams import DiGraphBuilder, GraphFlow, RoundRobinGroupChat, SelectorGroupChat
from tests.scripted import EndlessExecutor
from tests.teams.members import Member, sources

HOWS = ["token", "task", "wait_for", "break"]


class State:
    """A team that is, once `reached` is set, in a state that does not end by itself; `free` lets the next run pass."""

    def __init__(self) -> None:
        self.reached, self.freed = asyncio.Event(), asyncio.Event()
        self.ended = 0

    async def endless(self) -> str:
        """Waits for `free`; counts the times that it was ended instead."""
        self.reached.set()
        try:
            await self.freed.wait()
        except asyncio.CancelledError:
            self.ended += 1
            raise
        return "free"

    def model(self, *answers: Any) -> Any:
        state = self

        class Endless(ReplayChatCompletionClient):
            async def create(self, *arguments: Any, **options: Any) -> CreateResult:
                await state.endless()
                return await super().create(*arguments, **options)

        return Endless(answers or ["free"] * 9)


def model_call(state: State) -> Any:
    return RoundRobinGroupChat([AssistantAgent("a", state.model())], max_turns=1)


def tool_call(state: State) -> Any:
    async def look() -> str:
        """Looks."""
        return await state.endless()

    calls = [FunctionCall(id=str(n), name="look", arguments="{}") for n in range(2)]
    ask = CreateResult(finish_reason="function_calls", content=calls, usage=RequestUsage(0, 0), cached=False)
    info: Any = {**ReplayChatCompletionClient([]).model_info, "function_calling": True}
    client = ReplayChatCompletionClient([ask, ask], model_info=info)
    return RoundRobinGroupChat([AssistantAgent("a", client, tools=[look])], max_turns=1)


def code_block(state: State) -> Any:
    class Endless(EndlessExecutor):
        async def execute_code_blocks(self, code_blocks: Any, cancellation_token: Any) -> Any:
            from nbagents.code import CodeResult

            return CodeResult(exit_code=0, output=await state.endless())

    coder = CodeExecutorAgent("a", Endless(), approval_func=_approve)
    return RoundRobinGroupChat([coder], max_turns=1)


def _approve(request: Any) -> Any:
    from nbagents.agents import ApprovalResponse

    return ApprovalResponse(approved=True, reason="")


def human_input(state: State) -> Any:
    async def ask(prompt: str, token: CancellationToken | None) -> str:
        return await state.endless()

    return RoundRobinGroupChat([UserProxyAgent("a", input_func=ask)], max_turns=1)


def nested_team(state: State) -> Any:
    inner = RoundRobinGroupChat([AssistantAgent("a", state.model())], name="inner", max_turns=1)
    return RoundRobinGroupChat([inner], max_turns=1)


def parallel_branch(state: State) -> Any:
    a, b = AssistantAgent("a", state.model()), AssistantAgent("b", state.model())
    graph = DiGraphBuilder().add_node(a).add_node(b).build()
    return GraphFlow([a, b], graph, max_turns=1)


def selector_call(state: State) -> Any:
    client = state.model(*["a"] * 9)
    return SelectorGroupChat([Member("a"), Member("b")], client, max_turns=1)


STATES = [model_call, tool_call, code_block, human_input, nested_team, parallel_branch, selector_call]
TASK = "Do it:\n```python\nprint(1)\n```"


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("make", STATES, ids=lambda make: make.__name__)
async def test_all_of_it_ends_within_a_second_and_the_next_run_goes_on(make: Callable[[State], Any], how: str) -> None:
    state, token = State(), CancellationToken()
    with passing(Gate(approvals=Approvals("always"))):
        team = make(state)
        began = time.monotonic()
        await _ended(team, state, token, how)
        assert time.monotonic() - began < 1
        assert state.ended >= 1
        assert len(asyncio.all_tasks()) == 1
        state.freed.set()
        result = await team.run()
        assert set(sources(result)) <= {"a", "b"} and result.messages
        assert result.stop_reason in ("Maximum number of turns 1 reached.", "Digraph execution is complete")


async def _ended(team: Any, state: State, token: CancellationToken, how: str) -> None:
    if how == "break":
        stream: AsyncGenerator[Any, None] = team.run_stream(task=TASK)
        reached = asyncio.create_task(_drained(stream))
        await state.reached.wait()
        reached.cancel()
        await asyncio.wait([reached])
        await stream.aclose()
        return
    if how == "wait_for":
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(team.run(task=TASK), 0.1)
        assert state.reached.is_set()
        return
    running = asyncio.create_task(team.run(task=TASK, cancellation_token=token))
    await state.reached.wait()
    token.cancel() if how == "token" else running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def _drained(stream: Any) -> None:
    async for _ in stream:
        pass


async def test_leaving_the_loop_over_a_stream_ends_the_run() -> None:
    never = asyncio.Event()
    a = Member("a", wait=never)
    team = RoundRobinGroupChat([a], max_turns=1)
    async for _ in team.run_stream(task="go"):
        break
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1
    never.set()
    assert sources(await team.run()) == ["a"]


@pytest.mark.parametrize("make", STATES, ids=lambda make: make.__name__)
async def test_a_pause_holds_what_is_going_on(make: Callable[[State], Any]) -> None:
    state = State()
    with passing(Gate(approvals=Approvals("always"))) as gate:
        team = make(state)
        said: list[Any] = []
        stream = team.run_stream(task=TASK)

        async def listen() -> None:
            async for item in stream:
                said.append(item)

        listening = asyncio.create_task(listen())
        await state.reached.wait()
        await team.pause()
        before, effects = len(said), gate._effects
        state.freed.set()
        await _idle()
        assert (len(said), gate._effects) == (before, effects)
        await team.resume()
        await asyncio.wait_for(listening, 1)
        assert len(said) > before


async def _idle() -> None:
    """Until nothing moves any more."""
    for _ in range(100):
        await asyncio.sleep(0)


async def test_pause_tells_everybody_and_needs_a_run() -> None:
    a, gate = Member("a"), asyncio.Event()
    team = RoundRobinGroupChat([a], max_turns=1)
    for call in (team.pause, team.resume):
        with pytest.raises(RuntimeError, match="has not been initialized"):
            await call()
    await team.run(task="go")
    await team.pause()
    await team.resume()
    assert (a.paused, a.resumed) == (1, 1)
    await asyncio.wait_for(team.run(), 1)  # a pause of a team that does not run holds nothing
    assert not gate.is_set()


async def test_a_paused_run_can_be_cancelled_and_the_next_is_not_held() -> None:
    wait = asyncio.Event()
    a = Member("a", wait=wait)
    team = RoundRobinGroupChat([a], max_turns=1)
    running = asyncio.create_task(team.run(task="go"))
    await a.began.wait()
    await team.pause()
    running.cancel()
    await asyncio.wait([running])
    wait.set()
    assert sources(await asyncio.wait_for(team.run(), 1)) == ["a"]


async def test_pausing_an_outer_team_holds_its_inner_one() -> None:
    wait = asyncio.Event()
    x = Member("x", wait=wait)
    inner = RoundRobinGroupChat([x], name="inner", max_turns=2)
    outer = RoundRobinGroupChat([inner], max_turns=1)
    running = asyncio.create_task(outer.run(task="go"))
    await x.began.wait()
    await outer.pause()
    wait.set()
    await _idle()
    assert x.calls == 1 and x.paused == 1
    await outer.resume()
    assert sources(await running) == ["user", "x", "x"]


async def test_a_person_who_never_answers_is_given_up() -> None:
    async def silence(question: Question) -> None:
        return None

    with passing(Gate(asker=silence)) as gate:
        team = RoundRobinGroupChat([UserProxyAgent("you")], max_turns=1)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(team.run(task="go"), 0.05)
        assert gate.questions.all() == []
        assert len(asyncio.all_tasks()) == 1


async def test_cancelling_ends_a_turn_that_goes_through_a_runtime() -> None:
    runtime = SingleThreadedAgentRuntime()
    runtime.start()
    wait = asyncio.Event()
    a = Member("a", wait=wait)
    team = RoundRobinGroupChat([a], max_turns=1, runtime=runtime, termination_condition=MaxMessageTermination(9))
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(team.run(task="go"), 0.05)
    wait.set()
    assert sources(await team.run()) == ["a"]
    await runtime.stop_when_idle()
