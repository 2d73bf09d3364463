"""Tools, pictures, names and structured output through OpenAI's protocol, over real sockets."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from llmock.scenarios import Reply, ToolCall
from openai.types.chat.completion_create_params import CompletionCreateParams
from PIL import Image as PILImage
from pydantic import BaseModel, TypeAdapter

from nbagents.cancellation import CancellationToken
from nbagents.errors import ModelResponseError
from nbagents.image import Image
from nbagents.models import (
    AssistantMessage,
    ChatCompletionTokenLogprob,
    CreateResult,
    FunctionCall,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    ModelInfo,
    OpenAIChatCompletionClient,
    RequestUsage,
    SystemMessage,
    TopLogprob,
    UserMessage,
)
from nbagents.models.request import check_supported
from tests.models.sse_server import SSEServer, sse_server

HELLO: list[LLMMessage] = [UserMessage(content="Weather in Paris and Oslo?", source="user")]
WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}
ABLE = ModelInfo(vision=True, function_calling=True, json_output=True, structured_output=True, family="x")
UNABLE = ModelInfo(vision=False, function_calling=False, json_output=False, structured_output=False, family="x")


class Tool:
    """As much of a tool as a client sees."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def schema(self) -> dict[str, Any]:
        return {**WEATHER, "name": self.name}


@pytest.fixture
async def client(llmock: Any) -> Any:
    client = OpenAIChatCompletionClient("gpt-4o-test", base_url=llmock.base_url(), api_key="planted-key-123456")
    yield client
    await client.close()


@pytest.fixture
async def server() -> AsyncIterator[SSEServer]:
    async with sse_server() as server:
        yield server


async def answer(server: SSEServer, *, model_info: ModelInfo = ABLE, **options: Any) -> tuple[list[str], CreateResult]:
    client = OpenAIChatCompletionClient("m", base_url=server.url, api_key="k", model_info=model_info, max_retries=0)
    try:
        *texts, result = [part async for part in client.create_stream(HELLO, **options)]
    finally:
        await client.close()
    assert isinstance(result, CreateResult)
    return [str(text) for text in texts], result


def piece(index: int | None, id: str | None, name: str | None, arguments: str | None) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, "id": id, "type": "function",
                            "function": {"name": name, "arguments": arguments}}]}  # fmt: skip


async def test_parallel_calls_come_in_pieces(llmock: Any, client: OpenAIChatCompletionClient) -> None:
    calls = (ToolCall("get_weather", {"city": "Paris"}), ToolCall("get_weather", {"city": "Oslo"}))
    llmock.add(Reply(tool_calls=calls, times=2))
    result = await client.create(HELLO, tools=[WEATHER])
    *_, streamed = [part async for part in client.create_stream(HELLO, tools=[WEATHER])]
    assert isinstance(streamed, CreateResult) and isinstance(streamed.content, list)
    assert [call.arguments for call in streamed.content] == [call.arguments for call in result.content]
    assert result.finish_reason == "function_calls"
    assert isinstance(result.content, list)
    assert [json.loads(call.arguments) for call in result.content] == [{"city": "Paris"}, {"city": "Oslo"}]
    assert len({call.id for call in result.content}) == 2
    body = llmock.last_request.body
    TypeAdapter(CompletionCreateParams).validate_python(body)
    assert body["tools"] == [{"type": "function", "function": WEATHER}]
    assert body["tool_choice"] == "auto"


async def test_results_go_back_with_the_call_s_id(llmock: Any, client: OpenAIChatCompletionClient) -> None:
    call = FunctionCall(id="c1", name="get_weather", arguments='{"city": "Oslo"}')
    result = FunctionExecutionResult(content="8C", name="get_weather", call_id="c1")
    history = [*HELLO, AssistantMessage(content=[call], source="a"), FunctionExecutionResultMessage(content=[result])]
    await client.create(history, tools=[Tool("get_weather")])
    sent = llmock.last_request.body["messages"]
    assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"] == "c1"
    assert sent[2] == {"role": "tool", "tool_call_id": "c1", "content": "8C"}


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", "auto"),
        ("required", "required"),
        ("none", "none"),
        (Tool("other tool"), {"type": "function", "function": {"name": "other_tool"}}),
    ],
    ids=["auto", "required", "none", "one tool"],
)
async def test_tool_choice(llmock: Any, client: OpenAIChatCompletionClient, choice: Any, sent: Any) -> None:
    await client.create(HELLO, tools=[Tool("get_weather"), Tool("other tool")], tool_choice=choice)
    assert llmock.last_request.body["tool_choice"] == sent


async def test_a_choice_that_cannot_be_followed_is_refused() -> None:
    client = OpenAIChatCompletionClient("m", api_key="k")
    with pytest.raises(ValueError, match="tool_choice specified but no tools provided"):
        await client.create(HELLO, tool_choice=Tool("b"))
    with pytest.raises(ValueError, match="tool_choice references 'b' but it's not in the provided tools, which are a"):
        await client.create(HELLO, tools=[Tool("a")], tool_choice=Tool("b"))
    for neither in ("always", None, {"name": "a"}):
        with pytest.raises(ValueError, match="tool_choice must be a Tool object, 'auto', 'required', or 'none', got"):
            await client.create(HELLO, tools=[Tool("a")], tool_choice=neither)  # type: ignore[arg-type]


async def test_no_choice_is_sent_if_there_is_nothing_to_call(llmock: Any, client: OpenAIChatCompletionClient) -> None:
    await client.create(HELLO, tool_choice="required")
    assert "tool_choice" not in llmock.last_request.body


async def test_tool_names_are_normalised_on_the_wire_and_ours_again_in_calls(server: SSEServer) -> None:
    server.says(piece(0, "c1", "get_the_weather_", "{}"), finish="tool_calls")
    _, result = await answer(server, tools=[Tool("get the weather!")])
    assert server.bodies[0]["tools"][0]["function"]["name"] == "get_the_weather_"
    assert result.content == [FunctionCall("c1", "{}", "get the weather!")]


async def test_two_tools_with_one_name_on_the_wire_are_refused() -> None:
    with pytest.raises(ValueError, match="'a b' and 'a_b' are one name"):
        await OpenAIChatCompletionClient("m", api_key="k").create(HELLO, tools=[Tool("a b"), Tool("a_b")])


async def test_a_server_that_repeats_id_and_name_in_each_piece(server: SSEServer) -> None:
    server.says(*(piece(0, "c1", "get_weather", part) for part in ('{"ci', 'ty": "O', 'slo"}')), finish="tool_calls")
    _, result = await answer(server, tools=[WEATHER])
    assert result.content == [FunctionCall("c1", '{"city": "Oslo"}', "get_weather")]


async def test_a_server_that_does_not_count_its_calls(server: SSEServer) -> None:
    server.says(piece(0, "c1", "get_weather", '{"city": 1}'), piece(0, "c2", "get_weather", '{"city": 2}'))
    _, result = await answer(server, tools=[WEATHER])
    assert result.finish_reason == "function_calls"  # although the server said "stop"
    assert result.content == [
        FunctionCall("c1", '{"city": 1}', "get_weather"),
        FunctionCall("c2", '{"city": 2}', "get_weather"),
    ]


async def test_a_call_without_id_and_arguments_gets_them(server: SSEServer) -> None:
    server.says(piece(0, None, "now", None), finish="tool_calls")
    _, result = await answer(server, tools=[Tool("now")])
    assert isinstance(result.content, list)
    assert result.content[0].arguments == "{}" and result.content[0].id.startswith("call_")


async def test_arguments_that_come_as_an_object_become_json(server: SSEServer) -> None:
    server.says(piece(0, "c1", "get_weather", {"city": "Oslo"}), finish="tool_calls")
    _, result = await answer(server, tools=[WEATHER])
    assert result.content == [FunctionCall("c1", '{"city": "Oslo"}', "get_weather")]


@pytest.mark.parametrize(("said", "finish"), [("STOP", "stop"), ("end_turn", "stop"), ("Length", "length")])
async def test_servers_have_their_own_words_for_an_end(server: SSEServer, said: str, finish: str) -> None:
    server.says({"content": "ok"}, finish=said)
    _, result = await answer(server)
    assert result.finish_reason == finish


async def test_a_call_in_the_form_of_before_tools_is_refused(server: SSEServer) -> None:
    server.says({"function_call": {"name": "f", "arguments": "{}"}}, finish="function_call")
    with pytest.raises(ModelResponseError, match="function_call is deprecated and is not supported"):
        await answer(server)


async def test_text_beside_calls_is_the_thought(server: SSEServer) -> None:
    server.says({"content": "I look it up."}, piece(0, "c1", "get_weather", "{}"), finish="tool_calls")
    texts, result = await answer(server, tools=[WEATHER])
    assert texts == ["I look it up."]
    assert (result.thought, result.content) == ("I look it up.", [FunctionCall("c1", "{}", "get_weather")])


async def test_reasoning_streams_between_marks_and_becomes_the_thought(server: SSEServer) -> None:
    server.says({"reasoning_content": "hm, "}, {"reasoning_content": "yes"}, {"content": "42"})
    texts, result = await answer(server)
    assert texts == ["<think>hm, ", "yes", "</think>", "42"]
    assert (result.content, result.thought) == ("42", "hm, yes")


async def test_reasoning_under_its_other_name_before_a_call(server: SSEServer) -> None:
    server.says({"reasoning": "hm"}, piece(0, "c1", "get_weather", "{}"), finish="tool_calls")
    texts, result = await answer(server, tools=[WEATHER])
    assert "".join(texts) == "<think>hm</think>"
    assert result.thought == "hm"


async def test_a_thought_alone_is_no_answer(server: SSEServer) -> None:
    server.says({"content": "<think>hm"}, {"content": "</think>"})
    with pytest.raises(ModelResponseError, match="the answer is empty"):
        await answer(server, model_info=ModelInfo(**{**ABLE, "family": "unknown"}))


async def test_a_model_that_thinks_in_its_text(server: SSEServer) -> None:
    server.says({"content": "<think>hm"}, {"content": "</think>\n\n42"})
    _, result = await answer(server, model_info=ModelInfo(**{**ABLE, "family": "r1"}))
    assert (result.content, result.thought) == ("42", "hm")


async def test_logprobs_and_usage_come_with_the_result(server: SSEServer) -> None:
    token = {
        "token": "4",
        "logprob": -0.5,
        "bytes": [52],
        "top_logprobs": [{"token": "5", "logprob": -1.5, "bytes": None}],
    }
    server.says({"content": "4"})
    server.answers[0][0]["logprobs"] = {"content": [token]}
    _, result = await answer(server)
    assert result.logprobs == [
        ChatCompletionTokenLogprob(token="4", logprob=-0.5, bytes=[52], top_logprobs=[TopLogprob(-1.5, None)])
    ]
    assert result.usage == RequestUsage(3, 4)


async def test_a_refusal_is_the_content(server: SSEServer) -> None:
    server.says({"refusal": "I will not."})
    _, result = await answer(server)
    assert (result.content, result.finish_reason) == ("I will not.", "content_filter")


async def test_pictures_are_sent_as_data_uris(llmock: Any, client: OpenAIChatCompletionClient) -> None:
    image = Image.from_pil(PILImage.new("RGB", (1, 1)))
    await client.create([UserMessage(content=["see", image], source="user")])
    body = llmock.last_request.body
    TypeAdapter(CompletionCreateParams).validate_python(body)
    assert body["messages"][0]["content"] == [{"type": "text", "text": "see"}, image.to_openai_format()]


async def test_who_speaks_is_sent_as_the_name_or_as_a_prefix_or_not_at_all(llmock: Any) -> None:
    said = [UserMessage(content="hi", source="Dr. No"), UserMessage(content=["hi"], source="b")]
    for options, content, name in (
        ({}, "hi", "Dr__No"),
        ({"add_name_prefixes": True, "include_name_in_message": False}, "Dr. No said:\nhi", None),
    ):
        client = OpenAIChatCompletionClient("m", base_url=llmock.base_url(), api_key="k", **options)  # type: ignore[arg-type]  # two options, two types
        await client.create(said)
        await client.close()
        first, second = llmock.last_request.body["messages"]
        assert (first["content"], first.get("name")) == (content, name)
        assert second["content"] == [{"type": "text", "text": content.replace("Dr. No", "b")}]


async def test_system_messages_become_one_where_only_one_is_allowed(llmock: Any) -> None:
    said = [SystemMessage(content="A"), SystemMessage(content="B"), *HELLO, SystemMessage(content="C")]
    client = OpenAIChatCompletionClient("m", base_url=llmock.base_url(), api_key="k", model_info=ABLE)
    await client.create(said)
    await client.close()
    sent = llmock.last_request.body["messages"]
    assert [message["role"] for message in sent] == ["system", "user"]
    assert sent[0]["content"] == "A\nB\nC"


async def test_structured_output_is_strict_where_it_can_be(llmock: Any, client: OpenAIChatCompletionClient) -> None:
    class Point(BaseModel):
        x: int
        label: str | None = None

    class Line(BaseModel):
        points: list[Point]

    class Free(BaseModel):
        counts: dict[str, int]

    await client.create(HELLO, json_output=Line)
    asked = llmock.last_request.body["response_format"]["json_schema"]
    assert asked["strict"] is True and asked["schema"]["additionalProperties"] is False
    point = asked["schema"]["$defs"]["Point"]
    assert (point["required"], point["additionalProperties"]) == (["x", "label"], False)
    await client.create(HELLO, json_output=Free)
    assert llmock.last_request.body["response_format"]["json_schema"]["strict"] is False
    await client.create(HELLO, json_output=True)
    assert llmock.last_request.body["response_format"] == {"type": "json_object"}
    await client.create(HELLO, json_output=False, extra_create_args={"response_format": {"type": "json_object"}})
    assert llmock.last_request.body["response_format"] == {"type": "text"}


async def test_what_a_model_cannot_do_is_said_before_it_is_asked() -> None:
    client = OpenAIChatCompletionClient("m", api_key="k", model_info=UNABLE)
    image = Image.from_pil(PILImage.new("RGB", (1, 1)))
    with pytest.raises(ValueError, match="does not support vision"):
        await client.create([UserMessage(content=[image], source="a")])
    with pytest.raises(ValueError, match="does not support function calling"):
        await client.create(HELLO, tools=[WEATHER])
    with pytest.raises(ValueError, match="does not support JSON output"):
        await client.create(HELLO, json_output=True)
    with pytest.raises(ValueError, match="does not support structured output"):
        await client.create(HELLO, json_output=BaseModel)
    with pytest.raises(ValueError, match="json_output must be a boolean or a Pydantic model class, got <class 'str'>"):
        await client.create(HELLO, json_output="JSON")  # type: ignore[arg-type]


def test_a_text_is_not_searched_for_pictures() -> None:
    class Text(str):
        def __iter__(self) -> Iterator[str]:
            raise AssertionError("read letter by letter, a long conversation takes longer than its answer")

    check_supported(UNABLE, [UserMessage.model_construct(content=Text("many words"), source="a")], (), None)


def test_openai_s_own_models_are_known() -> None:
    info = OpenAIChatCompletionClient("gpt-4o-2024-08-06", api_key="k").model_info
    assert (info["vision"], info["family"]) == (True, "gpt-4o")
    assert OpenAIChatCompletionClient("gpt-4o", api_key="k").remaining_tokens(HELLO) > 100_000


@pytest.mark.parametrize("streamed", [True, False])
async def test_the_token_ends_a_request_within_a_second(server: SSEServer, streamed: bool) -> None:
    client, token = OpenAIChatCompletionClient("m", base_url=server.url, api_key="k"), CancellationToken()

    async def ask() -> None:
        if streamed:
            async for _ in client.create_stream(HELLO, cancellation_token=token):
                pass
        else:
            await client.create(HELLO, cancellation_token=token)

    asking = asyncio.create_task(ask())
    await server.asked.wait()
    began = time.monotonic()
    token.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await server.left.wait()  # the server sees it too
    assert time.monotonic() - began < 1
    await client.close()
