"""What users put in the place of the SDK, in their tests and elsewhere: a method, its client, or the HTTP client."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import anthropic
import httpx2
import openai
import pytest
from openai.resources.chat.completions import AsyncCompletions
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from nbagents.errors import UnknownArgument
from nbagents.models import (
    AnthropicChatCompletionClient,
    ChatCompletionCache,
    CreateResult,
    LLMMessage,
    OpenAIChatCompletionClient,
    RequestUsage,
    UserMessage,
    keys,
)
from nbagents.runtime import Gate
from nbagents.runtime.redaction import Redactor

HELLO: list[LLMMessage] = [UserMessage(content="Hello", source="user")]
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def whole(text: str) -> ChatCompletion:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    said = {"id": "x", "object": "chat.completion", "created": 0, "model": "gpt-4o", "choices": [choice]}
    return ChatCompletion.model_validate({**said, "usage": USAGE})


def chunk(text: str | None, finish: str | None = None) -> ChatCompletionChunk:
    choice = {"index": 0, "finish_reason": finish, "delta": {"content": text}}
    said = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "gpt-4o", "choices": [choice]}
    return ChatCompletionChunk.model_validate(said)


class Pieces:
    """An async iterator, and no more."""

    def __init__(self) -> None:
        self._left = [chunk("Hel"), chunk("lo"), chunk(None, "stop")]

    def __aiter__(self) -> Pieces:
        return self

    async def __anext__(self) -> ChatCompletionChunk:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop(0)


async def generated() -> AsyncIterator[ChatCompletionChunk]:
    async for piece in Pieces():
        yield piece


@pytest.mark.parametrize("stream", [generated, Pieces])
async def test_a_method_of_the_sdk_may_be_replaced(monkeypatch: pytest.MonkeyPatch, stream: Any) -> None:
    async def create(self: Any, **asked: Any) -> Any:
        return stream() if asked["stream"] else whole("Hello")

    monkeypatch.setattr(AsyncCompletions, "create", create)
    client = OpenAIChatCompletionClient("gpt-4o", api_key="k")
    assert (await client.create(HELLO)).content == "Hello"
    *texts, result = [part async for part in client.create_stream(HELLO)]
    assert isinstance(result, CreateResult)
    assert (texts, result.content) == (["Hel", "lo"], "Hello")
    await client.close()


async def test_the_sdks_client_may_be_replaced_and_is_closed_with_ours() -> None:
    client = OpenAIChatCompletionClient("gpt-4o", api_key="k")
    own = MagicMock()
    own.chat.completions.create, own.close = AsyncMock(return_value=whole("Mine")), AsyncMock()
    client._client = own
    assert (await client.create(HELLO)).content == "Mine"
    assert own.chat.completions.create.call_args.kwargs["model"] == "gpt-4o"
    await client.close()
    own.close.assert_awaited_once()


async def test_a_client_may_be_built_on_one_of_the_sdk() -> None:
    """As on AutoGen's base class, which is the same class here."""

    class Mine(OpenAIChatCompletionClient):
        def __init__(self, sdk: Any) -> None:
            super().__init__(client=sdk, create_args={"model": "gpt-4o", "temperature": 0.5}, add_name_prefixes=True)

    sdk = MagicMock()
    sdk.chat.completions.create = AsyncMock(return_value=whole("Mine"))
    client = Mine(sdk)
    assert (await client.create(HELLO)).content == "Mine" and client.model_info["family"] == "gpt-4o"
    asked = sdk.chat.completions.create.call_args.kwargs
    assert (asked["model"], asked["temperature"]) == ("gpt-4o", 0.5)


async def test_a_stand_in_for_an_answer_says_what_is_asked_of_it() -> None:
    client, answer = OpenAIChatCompletionClient("gpt-4o", api_key="k"), MagicMock()
    message = MagicMock(content="Mine", tool_calls=None, function_call=None)
    answer.choices = [MagicMock(finish_reason="stop", message=message, logprobs=None)]
    answer.usage = MagicMock(prompt_tokens=3, completion_tokens=4)
    client._client = MagicMock()
    client._client.chat.completions.create = AsyncMock(return_value=answer)
    result = await client.create(HELLO)
    assert (result.content, result.thought, client.total_usage()) == ("Mine", None, RequestUsage(3, 4))


async def test_what_somebody_else_made_is_asked_on_their_loop_and_counted_as_a_server_is() -> None:
    """Sockets of one loop fail on another: the maker of a client uses it as well."""
    loops: list[asyncio.AbstractEventLoop] = []

    async def create(**asked: Any) -> ChatCompletion:
        loops.append(asyncio.get_running_loop())
        return whole("Mine").model_copy(update={"usage": None})

    async def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json=(await create()).model_dump())

    sdk, http = MagicMock(), httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    sdk.chat.completions.create = create
    given = OpenAIChatCompletionClient(client=sdk, create_args={"model": "gpt-4o"})
    for client in (
        given,
        OpenAIChatCompletionClient("gpt-4o", api_key="k", http_client=http),
        ChatCompletionCache(given),
    ):
        gate = Gate()
        assert [part async for part in gate.model("a", client, HELLO)]
        assert gate.usage.made[0].estimated
    assert loops == [asyncio.get_running_loop()] * 3
    await http.aclose()


def test_keys_are_known_that_come_with_the_sdks_client_or_a_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    pickled = pickle.dumps(OpenAIChatCompletionClient("m", api_key="sesame-pickled-1"))
    monkeypatch.setattr(keys, "_known", {})  # as in another process
    pickle.loads(pickled)
    OpenAIChatCompletionClient(client=openai.AsyncOpenAI(api_key="sesame-given-1"), create_args={"model": "m"})
    assert "sesame" not in Redactor.from_environment()("sesame-pickled-1 and sesame-given-1")


async def test_what_is_done_to_the_sdks_client_is_done_to_every_call() -> None:
    client = OpenAIChatCompletionClient("gpt-4o", api_key="k")
    assert isinstance(client._client, openai.AsyncOpenAI) and client._client is client._client
    client._client.chat.completions.create = AsyncMock(return_value=whole("Mine"))
    assert (await client.create(HELLO)).content == "Mine"
    await client.close()
    other = AnthropicChatCompletionClient("claude-sonnet-5", api_key="k")
    assert isinstance(other._client, anthropic.AsyncAnthropic)
    await other.close()


async def test_an_http_client_of_ones_own_is_used() -> None:
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(200, json=whole("Through yours").model_dump())

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    client = OpenAIChatCompletionClient("gpt-4o", api_key="k", http_client=http, default_query={"v": "1"}, project="p")
    assert (await client.create(HELLO)).content == "Through yours"
    assert (asked[0].url.query, asked[0].headers["OpenAI-Project"]) == (b"v=1", "p")
    assert set(client.dump_component().config) == {"model", "api_key"}
    await client.close()


@pytest.mark.parametrize("kind", [OpenAIChatCompletionClient, AnthropicChatCompletionClient])
async def test_an_argument_that_nobody_knows_is_left_out_and_refused_where_one_call_asks(kind: Any) -> None:
    client = kind("m", api_key="k", colour="red")
    double = MagicMock()
    double.chat.completions.create = double.messages.create = AsyncMock(side_effect=ZeroDivisionError)
    client._client = double
    with pytest.warns(UserWarning, match="knows no colour"), pytest.raises(ZeroDivisionError):
        await client.create(HELLO)
    for method in (double.chat.completions.create, double.messages.create):
        assert "colour" not in method.call_args.kwargs
    with pytest.raises(UnknownArgument, match=r"Extra create args are invalid: {'taste'}"):
        await client.create(HELLO, extra_create_args={"taste": "sweet"})
    with pytest.raises(ValueError, match=r"Disallowed create args are present: {'messages'}"):
        kind("m", api_key="k", messages=[])


@pytest.mark.parametrize("kind", [OpenAIChatCompletionClient, AnthropicChatCompletionClient])
def test_a_client_can_be_pickled(kind: Any) -> None:
    client = pickle.loads(pickle.dumps(kind("m", api_key="k", temperature=0.5)))
    assert (client.model, client.dump_component().config["temperature"]) == ("m", 0.5)
    assert client._client.api_key == "k"
