"""The Anthropic client: what it asks, in the SDK's own types, and what it makes of the answer's events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from llmock.scenarios import Reply, ToolCall
from PIL import Image as PILImage
from pydantic import BaseModel, TypeAdapter

from nbagents.errors import ModelAuthenticationError
from nbagents.image import Image
from nbagents.models import (
    AnthropicChatCompletionClient,
    AssistantMessage,
    CreateResult,
    FunctionCall,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    RequestUsage,
    SystemMessage,
    UserMessage,
    keys,
)
from tests.models.anthropic_events import sends, text, thinking, use
from tests.models.fault_server import AnthropicDialect, FaultServer, fault_server

HELLO: list[LLMMessage] = [SystemMessage(content="Be brief."), UserMessage(content="Hi {there} $x$", source="user")]
WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CALL = FunctionCall(id="c1", name="get_weather", arguments='{"city": "Oslo"}')
RESULT = FunctionExecutionResult(content="8C", name="get_weather", call_id="c1", is_error=False)
USED: list[LLMMessage] = [
    *HELLO,
    AssistantMessage(content=[CALL], source="a", thought="I look."),
    FunctionExecutionResultMessage(content=[RESULT]),
]
THINKS = {"thinking": {"type": "enabled", "budget_tokens": 1024}}


class Point(BaseModel):
    x: int


@pytest.fixture
async def client(llmock: Any) -> AsyncIterator[AnthropicChatCompletionClient]:
    client = AnthropicChatCompletionClient(
        "claude-test", base_url=llmock.base_url("anthropic"), api_key="planted-key-123456"
    )
    yield client
    await client.close()


@pytest.fixture
async def server() -> AsyncIterator[FaultServer]:
    async with fault_server(AnthropicDialect()) as server:
        yield server


async def answer(
    server: FaultServer, messages: list[LLMMessage] = HELLO, *, client: Any = None, **options: Any
) -> tuple[list[str], CreateResult]:
    own = client or AnthropicChatCompletionClient("m", base_url=server.url, api_key="k")
    *texts, result = [part async for part in own.create_stream(messages, **options)]
    if client is None:
        await own.close()
    assert isinstance(result, CreateResult)
    return [str(piece) for piece in texts], result


def checked(body: Any) -> Any:
    """The body of a request, which the SDK's own type must accept."""
    allowed = {name: value for name, value in body.items() if name not in ("stream", "temperature")}
    TypeAdapter(MessageCreateParamsNonStreaming).validate_python(allowed)
    return body


async def test_the_stream_yields_text_and_the_whole_result_last(
    llmock: Any, client: AnthropicChatCompletionClient
) -> None:
    llmock.reply("It is forty-two.", times=2)
    *texts, result = [part async for part in client.create_stream(HELLO)]
    assert "".join(map(str, texts)) == "It is forty-two." and len(texts) > 1
    assert isinstance(result, CreateResult)
    assert (result.content, result.finish_reason) == ("It is forty-two.", "stop")
    assert result.usage.prompt_tokens > 0 and result.usage.completion_tokens > 0
    assert (await client.create(HELLO)).content == "It is forty-two."
    body = checked(llmock.last_request.body)
    assert body["system"] == "Be brief."
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Hi {there} $x$"}]}]


async def test_parallel_calls(llmock: Any, client: AnthropicChatCompletionClient) -> None:
    calls = (ToolCall("get_weather", {"city": "Paris"}), ToolCall("get_weather", {"city": "Oslo"}))
    llmock.add(Reply(tool_calls=calls, times=2))
    for streamed in (True, False):
        if streamed:
            *_, result = [part async for part in client.create_stream(HELLO, tools=[WEATHER])]
        else:
            result = await client.create(HELLO, tools=[WEATHER])
        assert isinstance(result, CreateResult) and isinstance(result.content, list)
        assert result.finish_reason == "function_calls"
        assert [json.loads(call.arguments) for call in result.content] == [{"city": "Paris"}, {"city": "Oslo"}]
        assert len({call.id for call in result.content}) == 2
    body = checked(llmock.last_request.body)
    assert body["tools"][0]["input_schema"] == WEATHER["parameters"]
    assert body["tool_choice"] == {"type": "auto"}


async def test_calls_and_results_go_back(llmock: Any, client: AnthropicChatCompletionClient) -> None:
    await client.create([*USED, UserMessage(content="And?", source="user")], tools=[WEATHER])
    turns = checked(llmock.last_request.body)["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert turns[1]["content"] == [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "c1", "name": "get_weather", "input": {"city": "Oslo"}},
    ]
    assert turns[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "c1", "content": "8C", "is_error": False},
        {"type": "text", "text": "And?"},
    ]


async def test_used_tools_are_named_where_none_may_be_called(
    llmock: Any, client: AnthropicChatCompletionClient
) -> None:
    await client.create(USED)
    body = checked(llmock.last_request.body)
    assert body["tools"] == [{"name": "get_weather", "input_schema": {"type": "object"}}]
    assert body["tool_choice"] == {"type": "none"}


async def test_a_conversation_that_the_api_would_refuse_is_mended(
    llmock: Any, client: AnthropicChatCompletionClient
) -> None:
    said: list[LLMMessage] = [
        AssistantMessage(content="I begin.", source="a"),
        UserMessage(content="", source="b"),
        UserMessage(content=["one", " "], source="b"),
        UserMessage(content="two", source="c"),
        AssistantMessage(content=[FunctionCall("call:1", "not JSON", "get weather!")], source="a"),
        FunctionExecutionResultMessage(
            content=[FunctionExecutionResult(content="", name="x", call_id="call:1", is_error=True)]
        ),
        AssistantMessage(content="I end. ", source="a"),
    ]
    await client.create(said)
    turns = checked(llmock.last_request.body)["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant"] * 3 + ["user"]
    assert [block["text"] for block in turns[2]["content"]] == ["one", "two"]
    assert turns[3]["content"][0] == {
        "type": "tool_use", "id": "call_1", "name": "get_weather_", "input": {"arguments": "not JSON"}
    }  # fmt: skip
    assert turns[4]["content"][0]["tool_use_id"] == "call_1" and turns[4]["content"][0]["content"]
    assert turns[5]["content"] == [{"type": "text", "text": "I end."}]


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": "none"}, {"type": "none"}),
        ({"extra_create_args": {"parallel_tool_calls": False}}, {"type": "auto", "disable_parallel_tool_use": True}),
    ],
)
async def test_tool_choice(
    llmock: Any, client: AnthropicChatCompletionClient, options: dict[str, Any], sent: Any
) -> None:
    await client.create(HELLO, tools=[WEATHER], **options)
    assert checked(llmock.last_request.body)["tool_choice"] == sent


async def test_pictures_and_sampling(llmock: Any, client: AnthropicChatCompletionClient) -> None:
    image = Image.from_pil(PILImage.new("RGB", (1, 1)))
    await client.create([UserMessage(content=["see", image], source="user")], extra_create_args={"temperature": 0.5})
    body = checked(llmock.last_request.body)
    assert body["messages"][0]["content"][1]["source"]["data"] == image.to_base64()
    assert (body["temperature"], body["max_tokens"]) == (0.5, 8192)


async def test_structured_output_is_the_call_of_a_tool(server: FaultServer) -> None:
    sends(server, use("t1", "answer", '{"x"', ": 4}"), stop="tool_use")
    texts, result = await answer(server, json_output=Point)
    assert texts == ['{"x"', ": 4}"]
    assert (result.content, result.finish_reason) == ('{"x": 4}', "stop")
    body = checked(server.asked[0].body)
    assert body["tool_choice"] == {"type": "tool", "name": "answer"}
    assert body["tools"][0]["input_schema"]["required"] == ["x"]


async def test_structured_output_beside_tools_leaves_the_choice(server: FaultServer) -> None:
    sends(server, use("t1", "get_weather", '{"city": "Oslo"}'), stop="tool_use")
    _, result = await answer(server, json_output=Point, tools=[WEATHER])
    assert result.content == [FunctionCall("t1", '{"city": "Oslo"}', "get_weather")]
    body = checked(server.asked[0].body)
    assert body["tool_choice"] == {"type": "any"}
    assert [tool["name"] for tool in body["tools"]] == ["get_weather", "answer"]


async def test_a_thought_streams_between_marks(server: FaultServer) -> None:
    sends(server, thinking("hm, ", "yes"), text("4", "2"))
    texts, result = await answer(server, extra_create_args=THINKS)
    assert "".join(texts) == "<think>hm, yes</think>42"
    assert (result.content, result.thought, result.model) == ("42", "hm, yes", "m-1")
    assert result.usage == RequestUsage(13, 7)


async def test_a_signed_thought_goes_back_before_its_calls(server: FaultServer) -> None:
    client = AnthropicChatCompletionClient("m", base_url=server.url, api_key="k", **THINKS)
    sends(server, thinking("hm"), use("t1", "get_weather", '{"city": ', '"Oslo"}'), use("t2", "now"), stop="tool_use")
    texts, result = await answer(server, client=client, tools=[WEATHER])
    assert "".join(texts) == "<think>hm</think>"
    assert isinstance(result.content, list) and result.thought == "hm"
    assert [call.arguments for call in result.content] == ['{"city": "Oslo"}', "{}"]
    results = [FunctionExecutionResult(content="1", name=call.name, call_id=call.id) for call in result.content]
    history = [
        *HELLO,
        AssistantMessage(content=result.content, source="a", thought=result.thought),
        FunctionExecutionResultMessage(content=results),
    ]
    sends(server, text("done"))
    await answer(server, history, client=client, tools=[WEATHER])
    body = checked(server.asked[1].body)
    assert body["messages"][1]["content"][0] == {"type": "thinking", "thinking": "hm", "signature": "sig"}
    assert body["thinking"]["type"] == "enabled"
    await client.close()


async def test_without_the_signed_thought_the_model_answers_without_thinking(server: FaultServer) -> None:
    sends(server, text("done"))
    await answer(server, USED, tools=[WEATHER], extra_create_args=THINKS)
    assert "thinking" not in checked(server.asked[0].body)


async def test_structured_output_of_a_model_that_thinks_is_not_forced(server: FaultServer) -> None:
    sends(server, thinking("hm"), text('{"x": 4}'))
    _, result = await answer(server, json_output=Point, extra_create_args=THINKS)
    assert result.content == '{"x": 4}'
    body = checked(server.asked[0].body)
    assert "tool_choice" not in body
    assert body["output_config"]["format"]["schema"]["required"] == ["x"]


async def test_no_key_says_where_it_belongs(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keys, "_in_keyring", lambda provider: None)  # the developer's own
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)
    with pytest.raises(ModelAuthenticationError, match="%agents key anthropic"):
        await AnthropicChatCompletionClient("claude-sonnet-5").create(HELLO)


def test_what_is_known_of_its_models() -> None:
    client = AnthropicChatCompletionClient("claude-opus-5", api_key="k")
    assert client.model_info["vision"] and client.model_info["family"].startswith("claude-")
    assert client.remaining_tokens(HELLO) > 190_000
    assert AnthropicChatCompletionClient("claude-3-haiku-20240307", api_key="k").answer_limit == 4096


def test_as_a_component() -> None:
    client = AnthropicChatCompletionClient(
        "claude-sonnet-5", api_key="planted-key-123456", max_tokens=100, temperature=0.5, max_retries=5, **THINKS
    )
    dumped = client.dump_component()
    assert "planted-key" not in dumped.model_dump_json()
    loaded = AnthropicChatCompletionClient.load_component(json.loads(dumped.model_dump_json()))
    assert loaded.dump_component().config | {"api_key": 0} == dumped.config | {"api_key": 0}
    assert (loaded.answer_limit, loaded._retry.retries) == (100, 5)
