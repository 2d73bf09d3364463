"""A run that is saved, paused or cancelled at whatever moment, and goes on: it ends as if nothing had happened."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from nbagents.agents import AssistantAgent, SocietyOfMindAgent
from nbagents.models import CreateResult, FunctionCall, ReplayChatCompletionClient, RequestUsage
from nbagents.models.messages import LLMMessage
from nbagents.teams import DiGraphBuilder, GraphFlow, RoundRobinGroupChat

MOMENTS = 80  # more than any of these runs takes


class Counting(ReplayChatCompletionClient):
    """Answers with the number of messages that it was shown, after calling a tool if it has one."""

    def __init__(self) -> None:
        super().__init__([])

    async def create(self, messages: Sequence[LLMMessage], **options: Any) -> CreateResult:
        await asyncio.sleep(0)
        usage = RequestUsage(prompt_tokens=1, completion_tokens=1)
        if options.get("tools") and messages[-1].type == "UserMessage":
            calls = [FunctionCall(id="1", name="look", arguments="{}")]
            return CreateResult(finish_reason="function_calls", content=calls, usage=usage)
        return CreateResult(finish_reason="stop", content=str(len(messages)), usage=usage)


async def look() -> str:
    """Look."""
    await asyncio.sleep(0)
    return "seen"


def agent(name: str, **options: Any) -> AssistantAgent:
    return AssistantAgent(name, Counting(), **options)


def with_tools() -> Any:
    return RoundRobinGroupChat([agent("a", tools=[look], max_tool_iterations=2), agent("b")], max_turns=4)


def nested() -> Any:
    innermost = RoundRobinGroupChat([agent("a"), agent("b")], name="innermost", max_turns=2)
    inner = RoundRobinGroupChat([innermost, agent("c")], name="inner", max_turns=2)
    return RoundRobinGroupChat([inner, agent("d")], max_turns=3)


def branches() -> Any:
    a, b, c, d = agent("a"), agent("b", tools=[look], max_tool_iterations=2), agent("c"), agent("d")
    builder = DiGraphBuilder().add_node(a).add_node(b).add_node(c).add_node(d)
    builder.add_edge(a, b).add_edge(a, c).add_edge(b, d).add_edge(c, d)
    return GraphFlow([a, b, c, d], builder.build())


def society() -> Any:
    inner = RoundRobinGroupChat([agent("a"), agent("b")], name="inner", max_turns=2)
    return RoundRobinGroupChat([SocietyOfMindAgent("som", inner, Counting()), agent("c")], max_turns=4)


def said(team: Any) -> list[tuple[str, str]]:
    chat = [message for message in team._thread if not type(message).__name__.endswith("Event")]
    return [(message.source, message.to_text()) for message in chat]


async def saved(team: Any, running: asyncio.Task[Any], make: Callable[[], Any]) -> Any:
    other = make()
    await other.load_state(json.loads(json.dumps(await team.save_state())))
    await cancelled(team, running, make)
    return other


async def paused(team: Any, running: asyncio.Task[Any], make: Callable[[], Any]) -> Any:
    await team.pause()
    for _ in range(20):
        await asyncio.sleep(0)
    return await saved(team, running, make)


async def cancelled(team: Any, running: asyncio.Task[Any], make: Callable[[], Any]) -> Any:
    running.cancel()
    await asyncio.wait([running])
    return team


@pytest.mark.parametrize("broken_off", [saved, paused, cancelled])
@pytest.mark.parametrize("make", [with_tools, nested, branches, society])
async def test_it_goes_on_as_if_nothing_had_happened(make: Callable[[], Any], broken_off: Callable[..., Any]) -> None:
    whole = make()
    await whole.run(task="go")
    for moment in range(MOMENTS):
        team = make()
        running = asyncio.create_task(team.run(task="go"))
        for _ in range(moment):
            await asyncio.sleep(0)
        if not team._thread:  # it has not begun yet
            await cancelled(team, running, make)
            continue
        other = await broken_off(team, running, make)
        if said(other) == said(whole):
            break
        await other.run()
        # A run that was cancelled has all its turns again.
        assert said(other)[: len(said(whole))] == said(whole), f"broken off at moment {moment}"
    else:
        raise AssertionError("the run was never seen to end")
