"""Tools of a small model: its reply is held to a call or an answer, and read as one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel

from nbagents.errors import ModelResponseError
from nbagents.models import (
    AssistantMessage,
    CreateResult,
    FunctionCall,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    LocalChatCompletionClient,
    SystemMessage,
    UserMessage,
)
from tests.models.conftest import Told
from tests.models.sse_server import SSEServer, sse_server

HELLO: list[LLMMessage] = [
    SystemMessage(content="Be brief."),
    UserMessage(content="Weather in Oslo?", source="user"),
]
WEATHER = {
    "name": "get_weather",
    "description": "The weather\nof a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
NOW = {"name": "now"}


class Client(LocalChatCompletionClient):
    """The local client, with a scripted server in the place of the engine."""

    def __init__(self, url: str) -> None:
        super().__init__("m")
        self._base_url, self._api_key = url, "k"

    async def _connected(self) -> AsyncOpenAI:
        return await self._connection.sdk()


@pytest.fixture
async def server() -> AsyncIterator[SSEServer]:
    async with sse_server() as server:
        yield server


@pytest.fixture
async def client(server: SSEServer) -> AsyncIterator[Client]:
    client = Client(server.url)
    yield client
    await client.close()


def says(server: SSEServer, text: str, finish: str = "stop") -> None:
    """Script a reply that comes in pieces of three characters."""
    server.says(*({"content": text[at : at + 3]} for at in range(0, len(text), 3)), finish=finish)


def forms(server: SSEServer) -> list[dict[str, Any]]:
    schema = server.bodies[-1]["response_format"]["json_schema"]["schema"]
    return [form["properties"] for form in schema["anyOf"]]


async def test_a_call_is_a_function_call(server: SSEServer, client: Client) -> None:
    says(server, '{"tool": "get_weather", "arguments": {"city": "Oslo"}}')
    parts = [part async for part in client.create_stream(HELLO, tools=[WEATHER, NOW])]
    assert len(parts) == 1 and isinstance(parts[0], CreateResult)
    result = parts[0]
    assert result.finish_reason == "function_calls" and isinstance(result.content, list)
    assert (result.content[0].name, json.loads(result.content[0].arguments)) == ("get_weather", {"city": "Oslo"})
    assert [form.get("tool") for form in forms(server)] == [{"const": "get_weather"}, {"const": "now"}, None]
    assert forms(server)[0]["arguments"] == WEATHER["parameters"]
    assert forms(server)[2] == {"answer": {"type": "string"}}


async def test_an_answer_streams_as_text(server: SSEServer, client: Client) -> None:
    says(server, '{\n "answer": "It is \\"cold\\",\\n 8 °C \\ud83d\\ude00."}')
    *texts, result = [part async for part in client.create_stream(HELLO, tools=[WEATHER])]
    assert len(texts) > 3 and "".join(str(text) for text in texts) == 'It is "cold",\n 8 °C 😀.'
    assert isinstance(result, CreateResult)
    assert (result.content, result.finish_reason) == ('It is "cold",\n 8 °C 😀.', "stop")


async def test_the_model_is_told_in_one_system_message(server: SSEServer, client: Client) -> None:
    says(server, '{"answer": "x"}')
    await client.create(HELLO, tools=[WEATHER])
    body = server.bodies[-1]
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["messages"][0]["content"].startswith("Be brief.")
    told = '- The weather of a city.\n  {"tool": "get_weather", "arguments": {"city": STRING}}\n'
    assert told in body["messages"][0]["content"]
    assert "tools" not in body and "name" not in body["messages"][1]


async def test_calls_and_results_are_told_as_text_also_without_tools(server: SSEServer, client: Client) -> None:
    call = FunctionCall("c", '{"city": "Oslo"}', "get_weather")
    results = [FunctionExecutionResult(content="8C", name="get_weather", call_id="c")]
    history = [*HELLO, AssistantMessage(content=[call], source="a"), FunctionExecutionResultMessage(content=results)]
    server.says({"content": "8 degrees"})
    assert (await client.create(history, tools=[WEATHER], tool_choice="none")).content == "8 degrees"
    sent = server.bodies[-1]["messages"]
    assert sent[2] == {"role": "assistant", "content": '{"tool": "get_weather", "arguments": {"city": "Oslo"}}'}
    assert sent[3] == {"role": "user", "content": "Result of get_weather: 8C"}
    assert "response_format" not in server.bodies[-1]


class Now:
    name = "now"
    schema = NOW


@pytest.mark.parametrize(("choice", "names"), [("required", ["get_weather", "now"]), (Now(), ["now"])])
async def test_tool_choice_leaves_only_what_may_be_said(
    server: SSEServer, client: Client, choice: Any, names: list[str]
) -> None:
    says(server, '{"tool": "now", "arguments": {}}')
    await client.create(HELLO, tools=[WEATHER, NOW], tool_choice=choice)
    assert [form["tool"]["const"] for form in forms(server)] == names


class Inner(BaseModel):
    x: int


class Shape(BaseModel):
    inner: Inner


async def test_structured_answers_beside_tools(server: SSEServer, client: Client) -> None:
    says(server, '{"answer": {"inner": {"x": 1}}}')
    tool = {"name": "f", "parameters": {"type": "object", "properties": {"a": {"$ref": "#/$defs/Inner"}},
                                        "$defs": {"Inner": {"type": "string"}}}}  # fmt: skip
    result = await client.create(HELLO, tools=[tool], json_output=Shape)
    assert Shape.model_validate_json(str(result.content)) == Shape(inner=Inner(x=1))
    schema = server.bodies[-1]["response_format"]["json_schema"]["schema"]
    call, answer = (form["properties"] for form in schema["anyOf"])
    # Two definitions of one name stay two.
    assert schema["$defs"][call["arguments"]["properties"]["a"]["$ref"].removeprefix("#/$defs/")] == {"type": "string"}
    assert schema["$defs"][answer["answer"]["properties"]["inner"]["$ref"].removeprefix("#/$defs/")]["type"] == "object"


@pytest.mark.parametrize(
    ("reply", "finish", "why"),
    [
        ("I like cats.", "stop", "neither a tool call nor an answer"),
        ('{"x": 1}', "stop", "neither a tool call nor an answer"),
        ('{"tool": "now", "argum', "length", "cut off: raise max_tokens"),
    ],
)
async def test_what_is_neither_is_an_error_and_cost_what_it_did(
    server: SSEServer, client: Client, told: Told, reply: str, finish: str, why: str
) -> None:
    says(server, reply, finish)
    with pytest.raises(ModelResponseError, match=why):
        await client.create(HELLO, tools=[NOW])
    (failed,) = told.failed  # which also takes the call from the screen that had begun to show there
    assert (failed.provider, failed.usage) == ("local", client.total_usage())


async def test_an_answer_that_was_cut_off_is_as_long_as_it_came(server: SSEServer, client: Client) -> None:
    says(server, '{"answer": "one two thr', "length")
    result = await client.create(HELLO, tools=[NOW])
    assert (result.content, result.finish_reason) == ("one two thr", "length")


@pytest.mark.parametrize("size", [1, 3, 200])
async def test_a_call_is_told_as_it_is_written(server: SSEServer, client: Client, told: Told, size: int) -> None:
    reply = '{"tool": "get_weather", "arguments": {"city": "Os{}lo", "in": {"days": 2}}}'
    server.says(*({"content": reply[at : at + size]} for at in range(0, len(reply), size)))
    parts = [part async for part in client.create_stream(HELLO, tools=[WEATHER])]
    (result,) = parts
    assert isinstance(result, CreateResult) and isinstance(result.content, list)
    assert {(piece.index, piece.id, piece.name) for piece in told.pieces} == {(0, result.content[0].id, "get_weather")}
    assert json.loads("".join(piece.arguments for piece in told.pieces)) == json.loads(result.content[0].arguments)
