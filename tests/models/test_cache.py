"""Each question is asked once; what makes it another question is in the key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import diskcache  # type: ignore[import-untyped]
import pytest
from pydantic import BaseModel

from nbagents.models import (
    CacheStore,
    ChatCompletionCache,
    CreateResult,
    DiskCacheStore,
    FunctionCall,
    InMemoryStore,
    LLMMessage,
    ReplayChatCompletionClient,
    RequestUsage,
    UserMessage,
)

HELLO: list[LLMMessage] = [UserMessage(content="hello you", source="u")]
CALLS = CreateResult(
    finish_reason="function_calls", content=[FunctionCall("1", "{}", "f")], usage=RequestUsage(3, 4), cached=False
)
TOOL = {"name": "f", "parameters": {"type": "object", "properties": {}}}


class Shape(BaseModel):
    x: int


def script(*answers: str | CreateResult) -> ReplayChatCompletionClient:
    client = ReplayChatCompletionClient(answers)
    client.set_cached_bool_value(False)
    return client


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "memory":
        yield InMemoryStore[Any]()
        return
    with diskcache.Cache(str(tmp_path)) as cache:
        yield DiskCacheStore[Any](cache)


async def test_a_question_is_asked_once(store: CacheStore[Any]) -> None:
    client = ChatCompletionCache(script("one", "two"), store)
    first, second = await client.create(HELLO), await client.create(HELLO)
    assert (first.content, first.cached) == ("one", False)
    assert (second.content, second.cached, second.usage) == ("one", True, first.usage)
    assert client.total_usage() == first.usage  # asked once, paid once


async def test_calls_are_kept_too(store: CacheStore[Any]) -> None:
    client = ChatCompletionCache(script(CALLS), store)
    await client.create(HELLO, tools=[TOOL])
    assert (await client.create(HELLO, tools=[TOOL])).content == CALLS.content


async def test_a_stream_and_a_whole_answer_stand_for_each_other(store: CacheStore[Any]) -> None:
    client = ChatCompletionCache(script("one more time", "x"), store)
    streamed = [part async for part in client.create_stream(HELLO)]
    again = [part async for part in client.create_stream(HELLO)]
    assert again[:-1] == streamed[:-1] == ["one ", "more ", "time"]
    assert isinstance(again[-1], CreateResult) and again[-1].cached
    assert (await client.create(HELLO)).content == "one more time"
    await client.create([*HELLO, *HELLO])
    assert [part async for part in client.create_stream([*HELLO, *HELLO])][:1] == ["x"]


async def test_a_result_is_kept_even_if_nobody_asks_the_stream_for_more() -> None:
    client = ChatCompletionCache(script("one"))
    stream = client.create_stream(HELLO)
    async for part in stream:
        if isinstance(part, CreateResult):
            break
    await stream.aclose()
    assert (await client.create(HELLO)).cached


OTHER_QUESTIONS: dict[str, dict[str, Any]] = {
    "tools": {"tools": [TOOL]},
    "tool_choice": {"tools": [TOOL], "tool_choice": "none"},
    "json": {"json_output": True},
    "structure": {"json_output": Shape},
    "arguments": {"extra_create_args": {"temperature": 1}},
}


async def test_whatever_changes_the_answer_is_another_question() -> None:
    client = ChatCompletionCache(script(*"abcdefgh"))
    said = [(await client.create(HELLO)).content]
    said += [(await client.create(HELLO, **options)).content for options in OTHER_QUESTIONS.values()]
    assert said == list("abcdef")
    assert [(await client.create(HELLO, **options)).cached for options in OTHER_QUESTIONS.values()] == [True] * 5


async def test_another_model_is_another_question() -> None:
    store, first, second = InMemoryStore[Any](), script("one"), script("two")
    second.model = "other"
    assert (await ChatCompletionCache(first, store).create(HELLO)).content == "one"
    assert (await ChatCompletionCache(second, store).create(HELLO)).content == "two"


@pytest.mark.parametrize("wrap", [lambda result: result, lambda result: [result], CreateResult.model_dump_json])
async def test_a_store_may_give_back_objects_or_json(wrap: Callable[[CreateResult], Any]) -> None:
    kept = CreateResult(finish_reason="stop", content="kept", usage=RequestUsage(1, 1), cached=False)

    class Store(InMemoryStore[Any]):
        def get(self, key: str, default: Any = None) -> Any:
            return wrap(kept)

    assert (await ChatCompletionCache(script("new"), Store()).create(HELLO)).content == "kept"


@pytest.mark.parametrize("damage", ["{", [], ["only a piece"], {"content": 1}])
async def test_what_cannot_be_read_is_asked_again(damage: Any) -> None:
    class Store(InMemoryStore[Any]):
        def get(self, key: str, default: Any = None) -> Any:
            return damage

    assert (await ChatCompletionCache(script("new"), Store()).create(HELLO)).content == "new"
