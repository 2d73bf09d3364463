"""Agents and teams as tools of another agent."""

from __future__ import annotations

import asyncio

import pytest

from nbagents.agents import AgentTool, AssistantAgent, TaskResult
from nbagents.cancellation import CancellationToken
from nbagents.messages import TextMessage, ThoughtEvent
from nbagents.runtime import Gate, passing
from nbagents.teams import RoundRobinGroupChat
from nbagents.teams.team_tool import TeamTool
from tests.agents.scripts import Waiting, calls, client, kinds, prompt

CALL = ("worker", '{"task": "z"}')


def team_of(*answers: str) -> RoundRobinGroupChat:
    return RoundRobinGroupChat(
        [AssistantAgent("x", client(*answers)), AssistantAgent("y", client(*answers))], max_turns=2
    )


async def test_an_agent_as_a_tool_has_its_name_its_description_and_a_task() -> None:
    schema = AgentTool(AssistantAgent("worker", client(), description="works")).schema
    assert (schema["name"], schema["description"], schema["strict"]) == ("worker", "works", True)
    assert list(schema["parameters"]["properties"]) == ["task"]


async def test_what_was_said_is_the_value() -> None:
    tool = TeamTool(team_of("1", "2"), "crew", "they work")
    value = await tool.run_json({"task": "z"}, CancellationToken())
    assert tool.return_value_as_string(value) == "x: 1\n\ny: 1"
    last = TeamTool(team_of("1"), "crew", "they work", return_value_as_last_message=True)
    assert last.return_value_as_string(await last.run_json({"task": "z"}, CancellationToken())) == "1"


def test_where_the_last_message_is_the_value_it_must_have_been_said() -> None:
    tool = AgentTool(AssistantAgent("worker", client()), return_value_as_last_message=True)
    said, thought = TextMessage(content="hm", source="worker"), ThoughtEvent(content="hm", source="worker")
    for messages in ([], [said, thought]):
        with pytest.raises(ValueError, match="The last message is not a BaseChatMessage"):
            tool.return_value_as_string(TaskResult(messages=messages))


async def test_what_it_does_is_streamed_through_the_caller_recorded_once_and_counted() -> None:
    tool = AgentTool(AssistantAgent("worker", client("done", "again")))
    with passing(Gate()) as gate:
        result = await AssistantAgent("boss", client(calls(CALL)), tools=[tool]).run(task="go")
    assert kinds(result.messages[1:]) == [
        "ToolCallRequestEvent", "TextMessage", "TextMessage", "ToolCallExecutionEvent", "ToolCallSummaryMessage",
    ]  # fmt: skip
    assert result.messages[-1].to_text() == "worker: done"
    recorded = [entry["message"]["id"] for entry in gate.journal.entries if entry["type"] == "message"]
    assert len(recorded) == len(set(recorded))
    assert result.usage.by_agent.keys() == {"boss", "worker"}


async def test_it_remembers_earlier_calls_and_works_on_calls_that_come_at_once_one_by_one() -> None:
    tool = AgentTool(AssistantAgent("worker", model := client("one", "two"), system_message=None))
    agent = AssistantAgent("boss", client(calls(CALL, CALL)), tools=[tool])
    assert (await agent.run(task="go")).messages[-1].to_text() == "worker: one\nworker: two"
    assert prompt(model) == [("UserMessage", "z"), ("AssistantMessage", "one"), ("UserMessage", "z")]


async def test_its_state_is_that_of_the_agent_or_team() -> None:
    tool = TeamTool(team_of("1"), "crew", "they work")
    await tool.run_json({"task": "z"}, CancellationToken())
    other = TeamTool(team_of("1"), "crew", "they work")
    await other.load_state_json(await tool.save_state_json())
    assert await other.save_state_json() == await tool.save_state_json()


async def test_an_error_within_is_a_result_for_the_caller() -> None:
    tool = AgentTool(AssistantAgent("worker", client()))
    result = await AssistantAgent("boss", client(calls(CALL)), tools=[tool]).run(task="go")
    assert "No more mock responses" in result.messages[-1].to_text()


async def test_cancelling_the_caller_ends_the_run_within() -> None:
    place, token = Waiting(), CancellationToken()

    async def wait() -> str:
        """Wait."""
        await place()
        return "done"

    worker = AssistantAgent("worker", client(calls(("wait", "{}"))), tools=[wait])
    boss = AssistantAgent("boss", client(calls(CALL)), tools=[AgentTool(worker)])
    running = asyncio.create_task(boss.run(task="go", cancellation_token=token))
    await place.reached.wait()
    token.cancel()
    async with asyncio.timeout(1):
        with pytest.raises(asyncio.CancelledError):
            await running
    assert place.cancelled and len(asyncio.all_tasks()) == 1
