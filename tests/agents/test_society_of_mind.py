"""A team that speaks with one voice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nbagents.agents import AssistantAgent, SocietyOfMindAgent
from nbagents.cancellation import CancellationToken
from nbagents.models import ReplayChatCompletionClient
from nbagents.runtime import Gate, passing
from nbagents.teams import RoundRobinGroupChat
from tests.agents.scripts import Waiting, calls, client, prompt


def society(*answers: str, inner: ReplayChatCompletionClient, **info: Any) -> SocietyOfMindAgent:
    team = RoundRobinGroupChat([AssistantAgent("x", inner, system_message=None)], max_turns=1)
    model = client(*answers, **info)
    return SocietyOfMindAgent("som", team, model, instruction="INSTRUCTION", response_prompt="PROMPT")


def model_of(agent: SocietyOfMindAgent) -> ReplayChatCompletionClient:
    model = agent._agent_model.client
    assert isinstance(model, ReplayChatCompletionClient)
    return model


async def test_the_discussion_is_shown_and_a_model_gives_the_account() -> None:
    agent = society("account", inner=client("x1"))
    *shown, result = [item async for item in agent.run_stream(task="go")]
    assert [(message.source, message.to_text()) for message in shown] == [
        ("user", "go"), ("x", "x1"), ("som", "account"),
    ]  # fmt: skip
    assert result.messages == shown
    assert prompt(model_of(agent)) == [("UserMessage", "INSTRUCTION"), ("UserMessage", "x1"), ("UserMessage", "PROMPT")]


async def test_the_result_of_run_has_the_account_only() -> None:
    result = await society("account", inner=client("x1")).run(task="go")
    assert [message.source for message in result.messages] == ["user", "som"]


async def test_the_frames_are_system_messages_where_the_model_takes_several() -> None:
    agent = society("account", inner=client("x1"), multiple_system_messages=True)
    await agent.run(task="go")
    assert [kind for kind, _ in prompt(model_of(agent))] == ["SystemMessage", "UserMessage", "SystemMessage"]


async def test_a_team_that_says_nothing_gives_no_response() -> None:
    from nbagents.conditions import MaxMessageTermination

    team = RoundRobinGroupChat([AssistantAgent("x", client())], termination_condition=MaxMessageTermination(1))
    result = await SocietyOfMindAgent("som", team, client()).run(task="go")
    assert result.messages[-1].to_text() == "No response."


async def test_the_team_begins_anew_and_is_told_what_was_said_before() -> None:
    agent = society("account", "account", inner=(inner := client("x1", "x2")))
    await agent.run(task="first")
    await agent.run(task="second")
    assert prompt(inner) == [
        ("UserMessage", "first"),
        ("UserMessage", "What was said before:"),
        ("UserMessage", "second"),
    ]


async def test_state_holds_the_inner_team_and_what_was_said_before() -> None:
    agent = society("account", inner=client("x1"))
    await agent.run(task="first")
    state = await agent.save_state()
    assert state["type"] == "SocietyOfMindAgentState" and state["inner_team_state"]["type"] == "TeamState"
    other = society("account", inner=(inner := client("x2")))
    await other.load_state(state)
    await other.run(task="second")
    assert "first" in str(prompt(inner))


async def test_a_state_of_autogen_loads() -> None:
    agent = society("account", inner=client("x1"))
    state = dict(await agent.save_state())
    assert state.keys() == {"type", "version", "inner_team_state"}
    await agent.load_state(state)


async def test_a_discussion_that_was_cancelled_is_void() -> None:
    place, token = Waiting(), CancellationToken()

    async def wait() -> str:
        """Wait."""
        await place()
        return "done"

    inner = client(calls(("wait", "{}")), "x2")
    team = RoundRobinGroupChat([AssistantAgent("x", inner, tools=[wait], system_message=None)], max_turns=1)
    agent = SocietyOfMindAgent("som", team, client("account"))
    running = asyncio.create_task(agent.run(task="first", cancellation_token=token))
    await place.reached.wait()
    token.cancel()
    async with asyncio.timeout(1):
        with pytest.raises(asyncio.CancelledError):
            await running
    assert place.cancelled and len(asyncio.all_tasks()) == 1
    await agent.run(task="second")
    assert prompt(inner) == [("UserMessage", "second")]


async def test_messages_of_the_inner_team_stand_in_the_journal_once_and_its_tokens_in_the_usage() -> None:
    with passing(Gate()) as gate:
        result = await society("account", inner=client("x1")).run(task="go")
    recorded = [entry["message"]["source"] for entry in gate.journal.entries if entry["type"] == "message"]
    assert recorded == ["x", "som"]
    assert result.usage.by_agent.keys() == {"x", "som"}
