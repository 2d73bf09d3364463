"""The conversation loop: order, stop reasons, and what remains when it is cancelled, left or fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from nbagents.agents import AssistantAgent, BaseChatAgent, Response, TaskResult
from nbagents.cancellation import CancellationToken
from nbagents.conditions import MaxMessageTermination, TextMentionTermination
from nbagents.errors import RunFailed
from nbagents.messages import BaseChatMessage, ModelClientStreamingChunkEvent, TextMessage
from nbagents.models import ReplayChatCompletionClient
from nbagents.teams import RoundRobinGroupChat


class Echo(BaseChatAgent):
    """Says what it heard."""

    def __init__(self, name: str, wait: asyncio.Event | None = None) -> None:
        super().__init__(name, "echoes")
        self.wait = wait
        self.heard: list[str] = []
        self.calls = 0
        self.fails = 0

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return (TextMessage,)

    async def on_messages(self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken) -> Response:
        self.calls += 1
        if self.wait is not None:
            await self.wait.wait()
        if self.fails:
            self.fails -= 1
            raise ValueError("it hurts")
        self.heard += [message.to_text() for message in messages]
        return Response(chat_message=TextMessage(content=f"{self.name}{self.calls}", source=self.name))

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        self.heard.clear()


async def test_everybody_in_turn_and_hears_what_is_new() -> None:
    a, b = Echo("a"), Echo("b")
    result = await RoundRobinGroupChat([a, b], max_turns=4).run(task="go")
    assert [message.to_text() for message in result.messages] == ["go", "a1", "b1", "a2", "b2"]
    assert result.stop_reason == "Maximum number of turns 4 reached."
    assert a.heard == ["go", "b1"]
    assert b.heard == ["go", "a1", "a2"]


async def test_the_next_run_goes_on_with_whoever_is_next() -> None:
    team = RoundRobinGroupChat([Echo("a"), Echo("b")], max_turns=1)
    await team.run(task="go")
    result = await team.run()
    assert [message.source for message in result.messages] == ["b"]


async def test_a_condition_sees_the_task_and_is_reset_by_itself() -> None:
    team = RoundRobinGroupChat([Echo("a")], termination_condition=MaxMessageTermination(2))
    for _ in range(2):
        result = await team.run(task="go")
        assert result.stop_reason == "Maximum number of messages 2 reached, current message count: 2"
        assert len(result.messages) == 2


async def test_the_stream_ends_with_the_result_and_leaves_chunks_out_of_it() -> None:
    agent = AssistantAgent("a", ReplayChatCompletionClient(["one two STOP"]), model_client_stream=True)
    team = RoundRobinGroupChat([agent], termination_condition=TextMentionTermination("STOP"))
    items = [item async for item in team.run_stream(task="go")]
    result = items[-1]
    assert isinstance(result, TaskResult)
    chunks = [item for item in items if isinstance(item, ModelClientStreamingChunkEvent)]
    assert "".join(chunk.content for chunk in chunks) == "one two STOP"
    assert chunks[0].full_message_id == result.messages[-1].id
    assert [type(message) for message in result.messages] == [TextMessage, TextMessage]


async def test_two_runs_at_once_are_refused() -> None:
    gate = asyncio.Event()
    team = RoundRobinGroupChat([Echo("a", gate)], max_turns=1)
    first = asyncio.create_task(team.run(task="go"))
    await asyncio.sleep(0.01)
    with pytest.raises(ValueError, match=r"The team is already running, it cannot run again until it is stopped"):
        await team.run(task="go")
    gate.set()
    await first


@pytest.mark.parametrize("how", ["token", "task", "wait_for", "break"])
async def test_every_way_to_leave_a_run_ends_it_and_the_next_goes_on(how: str) -> None:
    gate = asyncio.Event()
    a = Echo("a", gate)
    team, token = RoundRobinGroupChat([a], max_turns=1), CancellationToken()
    if how == "break":
        stream: AsyncGenerator[Any, None] = team.run_stream(task="go")
        async for _ in stream:
            break
        await stream.aclose()
    elif how == "wait_for":
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(team.run(task="go"), 0.02)
    else:
        task = asyncio.create_task(team.run(task="go", cancellation_token=token))
        await asyncio.sleep(0.01)
        token.cancel() if how == "token" else task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(asyncio.all_tasks()) == 1
    gate.set()
    result = await team.run()
    assert [message.source for message in result.messages] == ["a"]
    assert a.heard == ["go"]


async def test_a_failed_turn_is_tried_again_by_the_next_run() -> None:
    a, b = Echo("a"), Echo("b")
    b.fails = 1
    team = RoundRobinGroupChat([a, b], max_turns=2)
    with pytest.raises(RunFailed, match="b failed in turn 2: ValueError: it hurts") as caught:
        await team.run(task="go")
    assert isinstance(caught.value.__cause__, ValueError)
    assert (caught.value.agent, caught.value.turn) == ("b", 2)
    result = await team.run()
    assert [message.source for message in result.messages] == ["b", "a"]
    assert b.heard == ["go", "a1"]


async def test_reset_forgets_the_conversation() -> None:
    a = Echo("a")
    team = RoundRobinGroupChat([a, Echo("b")], max_turns=1)
    await team.run(task="go")
    await team.reset()
    assert a.heard == []


@pytest.mark.parametrize("task", [(), [], [1], 3])
async def test_a_task_that_is_none_is_refused(task: Any) -> None:
    with pytest.raises(ValueError, match=r"[Tt]ask"):
        await RoundRobinGroupChat([Echo("a")]).run(task=task)


def test_construction_is_checked() -> None:
    with pytest.raises(ValueError, match="At least one participant"):
        RoundRobinGroupChat([])
    with pytest.raises(ValueError, match="must be unique"):
        RoundRobinGroupChat([Echo("a"), Echo("a")])
    with pytest.raises(ValueError, match="greater than 0"):
        RoundRobinGroupChat([Echo("a")], max_turns=0)
    with pytest.raises(ValueError, match="valid Python identifier"):
        Echo("not a name")
