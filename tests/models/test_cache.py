"""Each question is asked once; what makes it another question is in the key."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diskcache  # type: ignore[import-untyped]
import pytest
import redis
from fakeredis import TcpFakeServer
from pydantic import BaseModel

from nbagents.models import (
    CacheStore,
    ChatCompletionCache,
    CreateResult,
    DiskCacheStore,
    FunctionCall,
    InMemoryStore,
    LLMMessage,
    OpenAIChatCompletionClient,
    RedisStore,
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


@contextmanager
def served() -> Iterator[int]:
    """The port of a server that speaks Redis' protocol."""
    with TcpFakeServer(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(params=["memory", "disk", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "memory":
        yield InMemoryStore[Any]()
    elif request.param == "disk":
        with diskcache.Cache(str(tmp_path)) as cache:
            yield DiskCacheStore[Any](cache)
    else:
        with served() as port, redis.Redis(port=port) as connected:
            yield RedisStore[Any](connected)


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


def test_a_store_keeps_models_as_json(store: CacheStore[Any]) -> None:
    if isinstance(store, InMemoryStore):
        return
    store.set("result", [CALLS, "piece"])
    assert store.get("result") == [CALLS.model_dump(mode="json"), "piece"]
    assert store.get("nothing", "instead") == "instead"


class Trap:
    """Whoever unpickles it has been caught."""

    sprung = False

    def __reduce__(self) -> Any:
        return setattr, (Trap, "sprung", True)


def test_a_disk_store_read_from_json_unpickles_nothing(tmp_path: Path) -> None:
    with diskcache.Cache(str(tmp_path)) as cache:
        cache.set("key", Trap())
    store = DiskCacheStore[Any].load_component(
        {"provider": "nbagents.models.DiskCacheStore", "config": {"directory": str(tmp_path)}}
    )
    assert store.get("key", "instead") == "instead"
    assert not Trap.sprung
    store.set("key", "mine")
    assert store.get("key") == "mine"
    store.cache.close()
    pickle.loads(pickle.dumps(Trap()))
    assert Trap.sprung  # it is one that works


@pytest.mark.parametrize("value", ["plain text", "", "3", '{"a": 1}', 3, None, {"a": [1]}, ["x", 2.5]])
def test_a_value_comes_back_as_it_was(store: CacheStore[Any], value: Any) -> None:
    store.set("key", value)
    assert store.get("key", "nothing") == value


def test_text_stands_in_redis_as_it_is() -> None:
    with served() as port, redis.Redis(port=port) as connected:
        store = RedisStore[str](connected)
        store.set("ours", "some text")
        connected.set("theirs", "other text")
        connected.set("no text", b"\xff\xfe")
        assert connected.get("ours") == b"some text" and store.get("theirs") == "other text"
        assert store.get("no text", "nothing") == "nothing"


def test_a_redis_store_is_dumped_without_its_password_and_loads() -> None:
    with served() as port:
        connected = redis.Redis(host="127.0.0.1", port=port, password="hunter2", socket_timeout=2.5)
        said = RedisStore[Any](connected).dump_component()
        assert "hunter2" not in said.model_dump_json()
        assert said.config["port"] == port and said.config["socket_timeout"] == 2.5 and not said.config["ssl"]
        loaded: RedisStore[Any] = RedisStore.load_component(said.model_dump(mode="json"))
        loaded.set("key", {"a": 1})
        assert loaded.get("key") == {"a": 1}
        loaded.cache.close()
        connected.close()


async def test_a_redis_that_is_gone_is_a_cache_without_answers(caplog: pytest.LogCaptureFixture) -> None:
    with served() as port:
        connected = redis.Redis(host="127.0.0.1", port=port, retry=None)
    client = ChatCompletionCache(script("one", "two"), RedisStore(connected))
    assert [(await client.create(HELLO)).content for _ in range(2)] == ["one", "two"]
    assert "Redis did not answer" in caplog.text
    connected.close()


async def test_a_store_over_the_network_is_asked_in_a_thread_and_any_object_may_be_one() -> None:
    class Far:
        over_the_network = True

        def __init__(self) -> None:
            self.threads: set[int] = set()

        def get(self, key: str) -> Any:
            self.threads.add(threading.get_ident())

        def set(self, key: str, value: Any) -> None:
            self.threads.add(threading.get_ident())

    class Near(Far):
        over_the_network = False

    far, near = Far(), Near()
    for store in (far, near):
        duck: Any = store
        assert (await ChatCompletionCache(script("one"), duck).create(HELLO)).content == "one"
    assert threading.get_ident() not in far.threads and near.threads == {threading.get_ident()}


def test_the_longest_answer_is_that_of_the_client() -> None:
    client = OpenAIChatCompletionClient("m", max_tokens=7)
    assert ChatCompletionCache(client).answer_limit == 7
