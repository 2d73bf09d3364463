"""Tools behind an agent id: each call is a message, passes the gate, and its failure is a result for the model."""

from __future__ import annotations

import asyncio

import pytest

from nbagents.cancellation import CancellationToken
from nbagents.models import (
    AssistantMessage,
    CreateResult,
    FunctionCall,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    ModelInfo,
    ReplayChatCompletionClient,
    RequestUsage,
    UserMessage,
)
from nbagents.runtime import (
    AgentId,
    BaseAgent,
    Gate,
    InvalidToolArgumentsException,
    MessageContext,
    SingleThreadedAgentRuntime,
    ToolAgent,
    ToolException,
    ToolExecutionException,
    ToolNotFoundException,
    passing,
    tool_agent_caller_loop,
)
from nbagents.tools import FunctionTool

TOOLS = AgentId("tools", "default")


class Desk:
    """A runtime with a tool agent that halves numbers and sleeps."""

    def __init__(self) -> None:
        self.runtime = SingleThreadedAgentRuntime()
        self.slept = asyncio.Event()
        self.tools = [
            FunctionTool(self.half, description="Half of an even number", name="half"),
            FunctionTool(self.sleep, description="Sleeps", name="sleep"),
        ]

    async def half(self, number: int) -> int:
        if number % 2:
            raise ValueError(f"{number} is odd")
        return number // 2

    async def sleep(self) -> str:
        self.slept.set()
        await asyncio.Event().wait()
        return "woke"

    async def start(self) -> Desk:
        await ToolAgent.register(self.runtime, "tools", lambda: ToolAgent("has tools", self.tools))
        self.runtime.start()
        return self


def call(name: str, arguments: str, id: str = "1") -> FunctionCall:
    return FunctionCall(id=id, name=name, arguments=arguments)


async def test_a_tool_agent_makes_the_call_through_the_gate_of_its_caller() -> None:
    desk, gate = await Desk().start(), Gate()
    with passing(gate):
        result = await desk.runtime.send_message(call("half", '{"number": 4}'), TOOLS)
    assert result == FunctionExecutionResult(content="2", name="half", call_id="1", is_error=False)
    effects = [entry for entry in gate.journal.entries if entry.get("kind") == "tool"]
    assert effects and all("half" in str(entry) or "2" in str(entry) for entry in effects)
    await desk.runtime.stop()


@pytest.mark.parametrize(
    ("request_", "error", "content"),
    [
        (call("half", '{"number": 3}'), ToolExecutionException, "Error: 3 is odd"),
        (call("half", '{"numb'), InvalidToolArgumentsException, 'Error: Invalid arguments: {"numb'),
        (call("half", "[1]"), InvalidToolArgumentsException, "Error: Invalid arguments: [1]"),
        (call("halve", "{}"), ToolNotFoundException, "Error: Tool not found: halve"),
    ],
)
async def test_a_call_that_fails_raises_what_went_wrong(
    request_: FunctionCall, error: type[ToolException], content: str
) -> None:
    desk = await Desk().start()
    with pytest.raises(error) as caught:
        await desk.runtime.send_message(request_, TOOLS)
    assert (caught.value.content, caught.value.call_id, caught.value.name) == (content, "1", request_.name)
    await desk.runtime.stop()


async def test_a_cancelled_token_ends_a_tool_call() -> None:
    before = asyncio.all_tasks()
    desk, token = await Desk().start(), CancellationToken()
    calling = asyncio.ensure_future(desk.runtime.send_message(call("sleep", "{}"), TOOLS, cancellation_token=token))
    await desk.slept.wait()
    token.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(calling, 1)
    assert asyncio.all_tasks() == before
    await desk.runtime.stop_when_idle()


def scripted(*answers: str | list[FunctionCall]) -> ReplayChatCompletionClient:
    usage = RequestUsage(prompt_tokens=1, completion_tokens=1)
    return ReplayChatCompletionClient(
        [
            answer
            if isinstance(answer, str)
            else CreateResult(finish_reason="function_calls", content=answer, usage=usage, cached=False)
            for answer in answers
        ],
        model_info=ModelInfo(
            vision=False, function_calling=True, json_output=True, family="unknown", structured_output=True
        ),
    )


QUESTION: list[LLMMessage] = [UserMessage(content="Half of 4, and of 3?", source="user")]


async def test_the_caller_loop_ends_with_the_models_text_and_failed_calls_are_results() -> None:
    desk = await Desk().start()
    calls = [call("half", '{"number": 4}'), call("half", '{"number": 3}', "2"), call("halve", "{}", "3")]
    said = await tool_agent_caller_loop(desk.runtime, TOOLS, scripted(calls, "2"), QUESTION, desk.tools)
    assert said == [
        AssistantMessage(content=calls, source="assistant"),
        FunctionExecutionResultMessage(
            content=[
                FunctionExecutionResult(content="2", name="half", call_id="1", is_error=False),
                FunctionExecutionResult(content="Error: 3 is odd", name="half", call_id="2", is_error=True),
                FunctionExecutionResult(
                    content="Error: Tool not found: halve", name="halve", call_id="3", is_error=True
                ),
            ]
        ),
        AssistantMessage(content="2", source="assistant"),
    ]
    await desk.runtime.stop()


async def test_the_caller_loops_model_calls_count_in_the_run_of_its_caller() -> None:
    desk, gate = await Desk().start(), Gate()
    with passing(gate):
        said = await tool_agent_caller_loop(
            desk.runtime, TOOLS, scripted([call("half", '{"number": 4}')], "2"), QUESTION, [], caller_source="asker"
        )
    assert said[-1] == AssistantMessage(content="2", source="asker")
    kinds = [entry["kind"] for entry in gate.journal.entries if "kind" in entry]
    assert {"model", "tool"} <= set(kinds)
    await desk.runtime.stop()


async def test_an_agent_may_be_the_caller() -> None:
    class Asker(BaseAgent):
        async def on_message_impl(self, message: str, ctx: MessageContext) -> str:
            client = scripted([call("half", '{"number": 4}')], "2")
            said = await tool_agent_caller_loop(self, TOOLS, client, QUESTION, [], ctx.cancellation_token)
            answer = said[-1]
            assert isinstance(answer, AssistantMessage) and isinstance(answer.content, str)
            return answer.content

    desk = await Desk().start()
    await Asker.register(desk.runtime, "asker", lambda: Asker("asks"))
    assert await desk.runtime.send_message("go", AgentId("asker", "k")) == "2"
    await desk.runtime.stop()
