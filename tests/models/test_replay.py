"""The scripted model: answers in order, and a record of what it was asked."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from nbagents.models import (
    CreateResult,
    FunctionCall,
    LLMMessage,
    ReplayChatCompletionClient,
    RequestUsage,
    SystemMessage,
    UserMessage,
)

ASKED: list[LLMMessage] = [UserMessage(content="a b c", source="u"), SystemMessage(content="x y")]
CALL = CreateResult(
    finish_reason="function_calls", content=[FunctionCall("1", "{}", "f")], usage=RequestUsage(3, 4), cached=False
)


async def test_answers_come_in_order_and_words_are_tokens() -> None:
    client = ReplayChatCompletionClient(["hello wide world", CALL])
    first = await client.create(ASKED)
    assert first == CreateResult(
        finish_reason="stop", content="hello wide world", usage=RequestUsage(5, 3), cached=True
    )
    assert await client.create(ASKED) == CALL
    assert client.total_usage() == RequestUsage(8, 7)
    with pytest.raises(ValueError, match="No more mock responses available"):
        await client.create(ASKED)


async def test_a_stream_yields_words_and_the_result_last() -> None:
    client = ReplayChatCompletionClient(["last one", CALL])
    assert [item async for item in client.create_stream(ASKED)][:-1] == ["last ", "one"]
    assert [item async for item in client.create_stream(ASKED)] == [CALL]


async def test_an_empty_answer_has_no_piece() -> None:
    client = ReplayChatCompletionClient([""])
    assert [type(item) for item in [item async for item in client.create_stream(ASKED)]] == [CreateResult]


async def test_the_actual_usage_is_that_of_the_latest_call() -> None:
    client = ReplayChatCompletionClient(["one", "two three"])
    await client.create(ASKED)
    await client.create(ASKED)
    assert client.actual_usage() == RequestUsage(5, 2)
    assert client.total_usage() == RequestUsage(10, 3)
    client.reset()
    assert client.actual_usage() == client.total_usage() == RequestUsage(0, 0)


async def test_every_call_is_kept_with_its_arguments() -> None:
    class Shape(BaseModel):
        x: int

    client = ReplayChatCompletionClient(["one", "two"])
    await client.create(ASKED, tools=[{"name": "f"}], json_output=Shape, extra_create_args={"t": 1})
    async for _ in client.create_stream(ASKED, tool_choice="none"):
        pass
    first, second = client.create_calls
    assert first["messages"] == ASKED and first["tools"] == [{"name": "f"}] and first["json_output"] is Shape
    assert first["extra_create_args"] == {"t": 1} and first["cancellation_token"] is None
    assert second["tool_choice"] == "none"


async def test_a_result_is_streamed_as_it_is() -> None:
    """Only text is spoken word by word."""
    client = ReplayChatCompletionClient([CALL, "one two"])
    assert [part async for part in client.create_stream(ASKED)] == [CALL]
    assert [part async for part in client.create_stream(ASKED)][:-1] == ["one ", "two"]
    assert client.provided_message_count == 2 and client.create_calls[0]["tools"] == []


@pytest.mark.parametrize("script", [[], ["of the script"], [CALL]])
async def test_what_a_subclass_answers_is_what_it_streams(script: list[str | CreateResult]) -> None:
    class Own(ReplayChatCompletionClient):
        async def create(self, messages: Any, **asked: Any) -> CreateResult:
            return CreateResult(finish_reason="stop", content="my own", usage=RequestUsage(), cached=False)

    assert [part async for part in Own(script).create_stream(ASKED)][:-1] == ["my ", "own"]


async def test_reset_begins_the_script_again() -> None:
    client = ReplayChatCompletionClient(["one"])
    await client.create(ASKED)
    assert (client.remaining_tokens(ASKED), client.count_tokens(ASKED)) == (9994, 5)
    client.reset()
    assert (client.total_usage(), client.remaining_tokens(ASKED)) == (RequestUsage(), 10_000)
    assert (await client.create(ASKED)).content == "one"
    assert len(client.create_calls) == 2


async def test_cached_is_as_it_is_set() -> None:
    client = ReplayChatCompletionClient(["one", CALL])
    client.set_cached_bool_value(False)
    assert not (await client.create(ASKED)).cached
    client.set_cached_bool_value(True)
    assert not (await client.create(ASKED)).cached  # a result of the user's own says it itself


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda client: pickle.loads(pickle.dumps(client))])
async def test_another_process_may_have_it(copied: Callable[[Any], Any]) -> None:
    client = ReplayChatCompletionClient(["one", "two"])
    await client.create(ASKED)
    twin = copied(client)
    assert (await twin.create(ASKED)).content == "two" and twin.total_usage() == RequestUsage(10, 2)
    assert twin.create_calls[0] == client.create_calls[0]
