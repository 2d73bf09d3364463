"""The assistant and its tools: calls, results, iterations, reflection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from pydantic import BaseModel

from nbagents.agents import AssistantAgent
from nbagents.cancellation import CancellationToken
from nbagents.errors import ModelResponseError
from nbagents.messages import (
    ThoughtEvent,
    ToolCallExecutionEvent,
    ToolCallRequestEvent,
    ToolCallSummaryMessage,
)
from nbagents.tools import BaseStreamTool, FunctionTool, StaticWorkbench, ToolSchema
from tests.agents.scripts import USAGE, calls, client, kinds, thinking

ADD = ("add", '{"a": 1, "b": 2}')


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def boom() -> str:
    """Fail."""
    raise ValueError("it hurts")


async def test_tool_calls_are_requested_executed_and_summed_up() -> None:
    result = await AssistantAgent("a", client(calls(ADD)), tools=[add]).run(task="go")
    assert kinds(result.messages[1:]) == ["ToolCallRequestEvent", "ToolCallExecutionEvent", "ToolCallSummaryMessage"]
    request, execution, summary = result.messages[1:]
    assert isinstance(request, ToolCallRequestEvent) and isinstance(execution, ToolCallExecutionEvent)
    assert isinstance(summary, ToolCallSummaryMessage)
    assert (request.models_usage, execution.content[0].is_error) == (USAGE, False)
    assert (summary.content, summary.tool_calls, summary.results) == ("3", request.content, execution.content)


async def test_what_goes_wrong_in_a_call_is_a_result_for_the_model() -> None:
    model = client(calls(ADD, ("boom", "{}"), ("nope", "{}"), ("add", "{bad")))
    result = await AssistantAgent("a", model, tools=[add, boom]).run(task="go")
    execution = result.messages[2]
    assert isinstance(execution, ToolCallExecutionEvent)
    contents = [(one.content, one.is_error) for one in execution.content]
    assert contents[:3] == [
        ("3", False), ("it hurts", True), ("Error: tool 'nope' not found in any workbench", True),
    ]  # fmt: skip
    assert contents[3][0].startswith("Error: ") and contents[3][1]


async def test_all_calls_of_one_answer_run_at_once() -> None:
    both = asyncio.Barrier(2)

    async def meet() -> str:
        """Comes back when two are here."""
        async with asyncio.timeout(5):
            await both.wait()
        return "met"

    agent = AssistantAgent("a", client(calls(("meet", "{}"), ("meet", "{}"))), tools=[meet])
    assert (await agent.run(task="go")).messages[-1].to_text() == "met\nmet"


async def test_the_summary_follows_its_format_or_its_formatter() -> None:
    form = "{tool_name}|{arguments}|{result}|{is_error}"
    formatted = AssistantAgent("a", client(calls(ADD)), tools=[add], tool_call_summary_format=form)
    assert (await formatted.run(task="go")).messages[-1].to_text() == f"add|{ADD[1]}|3|False"
    made = AssistantAgent(
        "a",
        client(calls(ADD)),
        tools=[add],
        tool_call_summary_formatter=lambda call, result: f"{call.id}={result.content}",
    )
    assert (await made.run(task="go")).messages[-1].to_text() == "0=3"


async def test_iterations_end_with_the_first_text() -> None:
    agent = AssistantAgent("a", client(calls(ADD), calls(ADD), "It is 3."), tools=[add], max_tool_iterations=5)
    result = await agent.run(task="go")
    assert kinds(result.messages[1:]) == [
        "ToolCallRequestEvent",
        "ToolCallExecutionEvent",
        "ToolCallRequestEvent",
        "ToolCallExecutionEvent",
        "TextMessage",
    ]


async def test_at_the_limit_the_last_results_are_the_answer() -> None:
    second = ("add", '{"a": 2, "b": 2}')
    agent = AssistantAgent("a", client(calls(ADD), calls(second)), tools=[add], max_tool_iterations=2)
    assert (await agent.run(task="go")).messages[-1].to_text() == "4"


async def test_reflection_is_one_more_call_without_tools() -> None:
    model = client(calls(ADD), thinking("It is 3.", "easy"))
    result = await AssistantAgent("a", model, tools=[add], reflect_on_tool_use=True).run(task="go")
    assert kinds(result.messages[-2:]) == ["ThoughtEvent", "TextMessage"]
    assert model.create_calls[1].get("tool_choice") == "none" and not model.create_calls[1].get("tools")


async def test_a_reflection_may_be_empty_as_any_other_answer_of_a_model_may() -> None:
    agent = AssistantAgent("a", client(calls(ADD), ""), tools=[add], reflect_on_tool_use=True)
    assert (await agent.run(task="go")).messages[-1].to_text() == ""


async def test_an_empty_list_of_calls_is_no_answer() -> None:
    with pytest.raises(ModelResponseError, match="its answer is empty"):
        await AssistantAgent("a", client(calls()), tools=[add]).run(task="go")


async def test_a_workbench_is_asked_for_its_tools_once_for_each_answer() -> None:
    class Counting(StaticWorkbench):
        asked = 0

        async def list_tools(self) -> list[ToolSchema]:
            self.asked += 1
            return await super().list_tools()

    workbench = Counting([FunctionTool(add, "Add.")])
    agent = AssistantAgent("a", client(calls(ADD, ADD, ADD), "done"), workbench=workbench, max_tool_iterations=3)
    assert (await agent.run(task="go")).messages[-1].to_text() == "done" and workbench.asked == 2


async def test_a_reflection_without_text_is_an_error() -> None:
    agent = AssistantAgent("a", client(calls(ADD), calls(ADD)), tools=[add], reflect_on_tool_use=True)
    with pytest.raises(RuntimeError, match=r"Reflect on tool use produced no valid text response\."):
        await agent.run(task="go")


class Count(BaseModel):
    upto: int


class Counting(BaseStreamTool[Count, Any, Count]):
    """Tells a thought, which belongs to the conversation, and a number, which does not."""

    def __init__(self) -> None:
        super().__init__(Count, Count, "count", "counts")

    async def run(self, args: Count, cancellation_token: CancellationToken) -> Count:
        return args

    async def run_stream(self, args: Count, cancellation_token: CancellationToken) -> AsyncGenerator[Any, None]:
        yield ThoughtEvent(content="one", source="count")
        yield 2
        yield args


async def test_what_a_tool_tells_that_is_no_message_is_left_out_with_a_warning() -> None:
    agent = AssistantAgent("a", client(calls(("count", '{"upto": 2}'))), tools=[Counting()])
    with pytest.warns(UserWarning, match="Unexpected event type: <class 'int'> in tool call streaming"):
        result = await agent.run(task="go")
    assert kinds(result.messages[1:]) == [
        "ToolCallRequestEvent", "ThoughtEvent", "ToolCallExecutionEvent", "ToolCallSummaryMessage",
    ]  # fmt: skip
