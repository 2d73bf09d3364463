"""Against a second server that others wrote: its dialects, its faults, and what it says that it was asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from openai.types.chat.completion_create_params import CompletionCreateParams
from pydantic import BaseModel, TypeAdapter

from nbagents.errors import ModelConnectionError, ModelError, ModelRateLimitError, ModelResponseError, ModelServerError
from nbagents.models import (
    AnthropicChatCompletionClient,
    AssistantMessage,
    AzureOpenAIChatCompletionClient,
    ChatCompletionClient,
    CreateResult,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    OllamaChatCompletionClient,
    OpenAIChatCompletionClient,
    OpenRouterChatCompletionClient,
    UserMessage,
)
from tests.models.aimock import Aimock, aimock
from tests.models.conftest import Told

WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CALLS = [{"name": "get_weather", "arguments": {"city": city}, "id": f"call_{city}"} for city in ("Paris", "Oslo")]
FIXTURES: list[dict[str, Any]] = [
    {"match": {"toolCallId": "call_Oslo"}, "response": {"content": "Paris 21C, Oslo 8C."}},
    {"match": {"userMessage": "weather"}, "response": {"toolCalls": CALLS}},
    {"match": {"userMessage": "person", "responseFormat": "json_schema"}, "response": {"content": '{"name": "Ada"}'}},
    {"match": {"userMessage": "busy", "sequenceIndex": 0},
     "response": {"error": {"message": "slow down", "type": "rate_limit_error"}, "status": 429, "retryAfter": 0}},
    {"match": {"userMessage": "busy", "sequenceIndex": 1}, "response": {"content": "Now I can."}},
    {"match": {"userMessage": "breaks"}, "response": {"content": "a long answer of many words " * 9},
     "truncateAfterChunks": 3, "latency": 10, "chunkSize": 8},
    {"match": {"userMessage": "gone"}, "response": {"error": {"message": "The model `m` does not exist",
     "type": "invalid_request_error", "code": "model_not_found"}, "status": 404}},
    {"match": {}, "response": {"content": "Hello there."}},
]  # fmt: skip
KINDS = ["openai", "azure", "openrouter", "ollama", "anthropic"]


class Person(BaseModel):
    name: str


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aimock]:
    with aimock(tmp_path_factory.mktemp("aimock"), FIXTURES) as server:
        yield server


pytestmark = pytest.mark.usefixtures("without_waiting")


@pytest.fixture(params=KINDS)
async def client(request: pytest.FixtureRequest, server: Aimock) -> AsyncIterator[ChatCompletionClient]:
    clients = {
        "openai": lambda: OpenAIChatCompletionClient("gpt-4o", base_url=f"{server.url}/v1", api_key="k"),
        "azure": lambda: AzureOpenAIChatCompletionClient(
            "gpt-4o", azure_deployment="mine", azure_endpoint=server.url, api_version="2024-10-21", api_key="k"
        ),
        "openrouter": lambda: OpenRouterChatCompletionClient("x/y", base_url=f"{server.url}/v1", api_key="k"),
        "ollama": lambda: OllamaChatCompletionClient("llama3.2:1b", host=server.url),
        "anthropic": lambda: AnthropicChatCompletionClient("claude-test", base_url=server.url, api_key="k"),
    }
    made = clients[request.param]()
    yield made
    await made.close()


async def ask(client: ChatCompletionClient, text: str, *, streamed: bool = False, **options: Any) -> CreateResult:
    said: list[LLMMessage] = [*options.pop("history", []), UserMessage(content=text, source="user")]
    if not streamed:
        return await client.create(said, **options)
    *_, result = [part async for part in client.create_stream(said, **options)]
    assert isinstance(result, CreateResult)
    return result


both = pytest.mark.parametrize("streamed", [True, False], ids=["stream", "create"])


@both
async def test_text(client: ChatCompletionClient, streamed: bool) -> None:
    result = await ask(client, "hi", streamed=streamed)
    assert (result.content, result.finish_reason) == ("Hello there.", "stop")


@both
async def test_parallel_calls_and_their_results(client: ChatCompletionClient, told: Told, streamed: bool) -> None:
    question: LLMMessage = UserMessage(content="weather?", source="user")
    result = await ask(client, "weather?", streamed=streamed, tools=[WEATHER])
    assert isinstance(result.content, list) and result.finish_reason == "function_calls"
    assert [json.loads(call.arguments)["city"] for call in result.content] == ["Paris", "Oslo"]
    written = ["".join(piece.arguments for piece in told.pieces if piece.index == at) for at in (0, 1)]
    assert written == ([call.arguments for call in result.content] if streamed else ["", ""])
    outcomes = [FunctionExecutionResult(content="8C", name=call.name, call_id=call.id) for call in result.content]
    history = [
        question,
        AssistantMessage(content=result.content, source="a"),
        FunctionExecutionResultMessage(content=outcomes),
    ]
    assert (await client.create(history, tools=[WEATHER])).content == "Paris 21C, Oslo 8C."


async def test_structured_output(server: Aimock) -> None:
    client = OpenAIChatCompletionClient("gpt-4o", base_url=f"{server.url}/v1", api_key="k")
    result = await ask(client, "a person", json_output=Person)
    assert Person.model_validate_json(str(result.content)).name == "Ada"
    await client.close()


async def test_a_limit_is_waited_out(server: Aimock) -> None:
    client = OpenAIChatCompletionClient("gpt-4o", base_url=f"{server.url}/v1", api_key="k")
    assert (await ask(client, "busy", streamed=True)).content == "Now I can."
    await client.close()


async def test_a_stream_that_is_cut_off(client: ChatCompletionClient) -> None:
    with pytest.raises((ModelConnectionError, ModelResponseError)):
        await ask(client, "breaks", streamed=True)


@both
@pytest.mark.parametrize(
    ("rate", "kind"),
    [
        ("dropRate", ModelServerError),
        ("rateLimitRate", ModelRateLimitError),
        ("disconnectRate", ModelConnectionError),
        ("malformedRate", ModelResponseError),
    ],
)
async def test_a_server_that_always_fails(
    server: Aimock, client: ChatCompletionClient, rate: str, kind: type[ModelError], streamed: bool
) -> None:
    server.chaos(**{rate: 1})
    try:
        with pytest.raises(kind) as caught:
            await ask(client, "hi", streamed=streamed)
    finally:
        server.chaos(**{rate: 0})
    assert (caught.value.provider, caught.value.model) == (client.provider, client.model)


async def test_all_that_was_asked_has_the_sdk_s_own_shape(tmp_path: Path) -> None:
    with aimock(tmp_path, FIXTURES) as server:
        openai = OpenAIChatCompletionClient("gpt-4o", base_url=f"{server.url}/v1", api_key="k")
        anthropic = AnthropicChatCompletionClient("claude-test", base_url=server.url, api_key="k")
        for client in (openai, anthropic):
            await ask(client, "weather?", tools=[WEATHER], streamed=True)
            await ask(client, "hi", json_output=Person)
            await client.close()
        asked = server.requests()
    assert len(asked) == 4
    for request in asked:
        # aimock keeps all in OpenAI's shape; what Anthropic is sent is checked in test_anthropic.py.
        if request["path"] == "/v1/chat/completions":
            TypeAdapter(CompletionCreateParams).validate_python(request["body"])
        assert request["path"] in ("/v1/chat/completions", "/v1/messages")
