"""An agent uses an MCP server of someone else's, over each way to it."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager, nullcontext

import pytest
from mcp_server_time.server import create_server

from nbagents.agents import AssistantAgent
from nbagents.memory import ListMemory, MemoryContent, MemoryMimeType
from nbagents.models import CreateResult, FunctionCall, ModelInfo, ReplayChatCompletionClient, RequestUsage
from nbagents.tools.mcp import McpServerParams, McpWorkbench
from tests.tools.mcp_servers import TIME_OVER_STDIO, over_http

CALLS_TOOLS = ModelInfo(
    vision=False,
    function_calling=True,
    json_output=True,
    structured_output=True,
    family="unknown",
    multiple_system_messages=False,
)


def call(**arguments: str) -> CreateResult:
    wanted = FunctionCall(id="c1", name="convert_time", arguments=json.dumps(arguments))
    return CreateResult(finish_reason="function_calls", content=[wanted], usage=RequestUsage(1, 1))


@pytest.mark.parametrize("way", ["stdio", "http"])
async def test_an_agent_uses_a_published_server(way: str) -> None:
    asked = call(source_timezone="UTC", time="12:00", target_timezone="Asia/Tokyo")
    model = ReplayChatCompletionClient([asked, "It is nine in the evening there."], model_info=CALLS_TOOLS)
    server: AbstractAsyncContextManager[McpServerParams] = (
        nullcontext(TIME_OVER_STDIO) if way == "stdio" else over_http(create_server("UTC"))
    )

    async with server as params, McpWorkbench(params) as bench:
        agent = AssistantAgent("ann", model, workbench=bench, reflect_on_tool_use=True)
        result = await agent.run(task="What time is it in Tokyo at noon UTC?")

    kinds = [type(message).__name__ for message in result.messages]
    assert kinds == ["TextMessage", "ToolCallRequestEvent", "ToolCallExecutionEvent", "TextMessage"]
    assert "21:00:00+09:00" in result.messages[2].to_text()
    assert result.messages[-1].to_text() == "It is nine in the evening there."


async def test_what_an_agent_remembers_is_told_once_however_many_turns_it_takes() -> None:
    model = ReplayChatCompletionClient(["one", "two", "three"], model_info=CALLS_TOOLS)
    memory = ListMemory(memory_contents=[MemoryContent(content="likes tea", mime_type=MemoryMimeType.TEXT)])
    agent = AssistantAgent("ann", model, memory=[memory])

    for number in range(3):
        await agent.run(task=f"turn {number}")

    told = [message for message in await agent.model_context.get_messages() if "likes tea" in str(message.content)]
    assert len(told) == 1
