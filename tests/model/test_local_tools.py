"""A real small model calls a tool: what it chooses is its own, that it can be read is ours."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from nbagents.errors import ModelNotFound
from nbagents.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    LocalChatCompletionClient,
    UserMessage,
    weights,
)
from nbagents.models import engine as engine_module

MODEL = "qwen2.5-coder-0.5b"
WEATHER = {
    "name": "get_weather",
    "description": "Tells the current weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string", "maxLength": 40}}, "required": ["city"]},
}


@pytest.fixture(autouse=True, scope="module")
def _engine() -> Iterator[None]:
    try:
        weights.find(MODEL)
    except ModelNotFound as error:
        pytest.fail(f"these tests run a real model: {error}")
    yield
    engine_module._end_all()


async def test_a_tool_is_called_and_its_result_is_answered_from() -> None:
    client = LocalChatCompletionClient(MODEL, max_tokens=80)
    said: list[LLMMessage] = [UserMessage(content="What is the weather in Oslo now?", source="user")]
    result = await client.create(said, tools=[WEATHER], tool_choice="required")
    assert isinstance(result.content, list)
    call = result.content[0]
    assert call.name == "get_weather" and isinstance(json.loads(call.arguments)["city"], str)
    weather = FunctionExecutionResult(content="8 degrees, rain", name=call.name, call_id=call.id)
    said += [AssistantMessage(content=[call], source="a"), FunctionExecutionResultMessage(content=[weather])]
    answer = await client.create(said, tools=[WEATHER], tool_choice="none")
    assert isinstance(answer.content, str) and answer.content.strip()
    await client.close()


async def test_an_answer_may_be_streamed_where_tools_are_offered() -> None:
    client = LocalChatCompletionClient(MODEL, max_tokens=60)
    said: list[LLMMessage] = [UserMessage(content="Say hello to Ada.", source="user")]
    *texts, result = [part async for part in client.create_stream(said, tools=[WEATHER])]
    assert not isinstance(result, str)
    assert isinstance(result.content, list) or "".join(str(text) for text in texts) == result.content
    await client.close()
