"""Calls of tools are told as they are written, beside a stream that yields text and its result and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from llmock.scenarios import Reply, ToolCall

from nbagents.errors import ModelError
from nbagents.models import (
    AnthropicChatCompletionClient,
    ChatCompletionCache,
    ChatCompletionClient,
    CreateResult,
    FallbackChatCompletionClient,
    OpenAIChatCompletionClient,
)
from nbagents.models.notices import CallPiece
from tests.models.asking import HELLO, ask, client_of
from tests.models.conftest import Told
from tests.models.fault_server import FaultServer
from tests.models.sse_server import sse_server
from tests.models.test_anthropic import Point
from tests.models.test_openai_tools import Tool

TWO = {"get_weather": ['{"city":', ' "Os', 'lo"}'], "tell_time": ["{}"]}

pytestmark = pytest.mark.usefixtures("without_waiting")


def joined(pieces: list[CallPiece]) -> dict[tuple[int, str, str], str]:
    """What was told of each call."""
    calls: dict[tuple[int, str, str], str] = {}
    for piece in pieces:
        key = piece.index, piece.id, piece.name
        calls[key] = calls.get(key, "") + piece.arguments
    return calls


async def test_pieces_of_parallel_calls_come_with_their_call(
    server: FaultServer, client: ChatCompletionClient, told: Told
) -> None:
    server.calls(TWO)
    parts = [part async for part in client.create_stream(HELLO)]
    assert [type(part) for part in parts] == [CreateResult], "consumers of AutoGen's streams know nothing else"
    assert told.pieces[:3] == [
        CallPiece(0, "c-get_weather", "get_weather", ""),
        CallPiece(1, "c-tell_time", "tell_time", ""),
        CallPiece(0, "c-get_weather", "get_weather", '{"city":'),
    ]
    result = parts[-1]
    assert isinstance(result, CreateResult) and isinstance(result.content, list)
    calls = {(at, call.id, call.name): call.arguments for at, call in enumerate(result.content)}
    assert joined(told.pieces) == calls


async def test_a_name_is_told_as_ours(server: FaultServer, client: ChatCompletionClient, told: Told) -> None:
    server.calls({"get_the_weather_": ["{}"]})
    async for _ in client.create_stream(HELLO, tools=[Tool("get.the weather!").schema]):
        pass
    assert {piece.name for piece in told.pieces} == {"get.the weather!"}


async def test_an_answer_in_one_tells_of_no_pieces(client: ChatCompletionClient, told: Told) -> None:
    await client.create(HELLO)
    assert told.all == []


async def test_they_are_told_through_a_fallback_and_a_cache_and_not_out_of_it(server: FaultServer, told: Told) -> None:
    cache = ChatCompletionCache(FallbackChatCompletionClient([client_of(server.dialect, server.url)]))
    server.calls(TWO)
    first = await ask(cache, True)
    assert len(joined(told.pieces)) == 2
    before = len(told.pieces)
    again = await ask(cache, True)
    assert (again.content, again.cached, len(told.pieces)) == (first.content, True, before)
    await cache.close()


async def test_a_call_that_breaks_off_is_asked_for_again_since_nothing_was_handed_on(
    server: FaultServer, client: ChatCompletionClient, told: Told
) -> None:
    server.calls(TWO, end="reset")
    server.calls({"now": ["{}"]})
    result = await ask(client, True)
    assert not isinstance(result.content, str) and [call.name for call in result.content] == ["now"]
    order = [type(notice).__name__ for notice in told.all if not isinstance(notice, CallPiece)]
    assert order == ["FailedAttempt", "RetryNotice"]


async def test_a_structured_answer_is_no_call_though_anthropic_s_comes_as_one(server: FaultServer, told: Told) -> None:
    client = client_of(server.dialect, server.url)
    if isinstance(client, AnthropicChatCompletionClient):
        server.calls({"answer": ['{"x":', " 1}"]})
        parts: list[Any] = [part async for part in client.create_stream(HELLO, json_output=Point)]
        assert parts[:-1] == ['{"x":', " 1}"] and parts[-1].content == '{"x": 1}'
    else:
        server.says('{"x":1}')
        parts = [part async for part in client.create_stream(HELLO, json_output=Point)]
        assert parts[-1].content == '{"x":1}'
    assert told.pieces == []
    await client.close()


@pytest.mark.parametrize("end", ["cut", "reset"])
async def test_half_a_call_is_none(server: FaultServer, end: Any) -> None:
    client = client_of(server.dialect, server.url, max_retries=0)
    server.calls(TWO, end=end)
    with pytest.raises(ModelError):
        await ask(client, True)
    await client.close()


async def test_a_call_that_was_told_is_taken_back_though_the_rest_of_its_piece_be_wrong(told: Told) -> None:
    async with sse_server() as server:
        asked = OpenAIChatCompletionClient("m", base_url=server.url, api_key="k", max_retries=0)
        right, wrong = ({"index": at, "function": {"name": "f", "arguments": said}} for at, said in enumerate(["", 5]))
        server.says({"tool_calls": [right, wrong]})
        with pytest.raises(ModelError):
            await ask(asked, True)
        await asked.close()
    assert len(told.pieces) == len(told.failed) == 1


async def test_another_server_s_calls_are_told_too(llmock: Any, told: Told) -> None:
    asked = OpenAIChatCompletionClient("gpt-4o", base_url=llmock.base_url("openai"), api_key="k")
    llmock.add(Reply(tool_calls=tuple(ToolCall("get_weather", {"city": city}) for city in ("Paris", "Oslo"))))
    result = await ask(asked, True)
    assert isinstance(result.content, list)
    assert joined(told.pieces) == {(at, call.id, call.name): call.arguments for at, call in enumerate(result.content)}
    await asked.close()
