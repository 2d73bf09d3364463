"""What a client of a server answers is read on the I/O thread and shown from there, once; everything else is not."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from nbagents.agents import AssistantAgent
from nbagents.cancellation import CancellationToken
from nbagents.errors import ModelServerError
from nbagents.messages import ModelClientStreamingChunkEvent, TextMessage
from nbagents.models import ChatCompletionCache, CreateResult, ReplayChatCompletionClient, RequestUsage
from nbagents.models.notices import RetryNotice, tell
from nbagents.models.openai import OpenAIChatCompletionClient
from nbagents.runtime import Gate, Redactor, Run, passing
from nbagents.runtime.journal import Entry
from nbagents.teams import RoundRobinGroupChat
from tests.kernel.slow_server import slow_server


class Remote(ReplayChatCompletionClient):
    """As a client of a server: its words come with pauses, on the I/O thread."""

    on_io_thread = True

    def __init__(self, *answers: str, pause: float = 0.0) -> None:
        super().__init__(answers)
        self.pause, self.threads, self.closed = pause, set[str](), threading.Event()

    async def create(self, messages: Any, **asked: Any) -> CreateResult:
        self.threads.add(threading.current_thread().name)
        return await super().create(messages, **asked)

    async def create_stream(self, messages: Any, **asked: Any) -> AsyncGenerator[str | CreateResult, None]:
        try:
            async for part in super().create_stream(messages, **asked):
                await asyncio.sleep(self.pause)
                yield part
        finally:
            self.closed.set()


class Watcher:
    """A listener that keeps what it is told, and in which thread."""

    def __init__(self) -> None:
        self.chunks: list[tuple[str, str]] = []
        self.loop, self.heard = asyncio.get_running_loop(), asyncio.Event()
        self.asked = asyncio.Event()
        self.entries: list[Entry] = []

    def entry(self, entry: Entry) -> None:
        self.entries.append(entry)
        if entry["type"] == "effect":
            self.asked.set()
        assert threading.current_thread() is threading.main_thread()

    def chunk(self, agent: str, message_id: str, text: str) -> None:
        self.chunks.append((threading.current_thread().name, text))
        self.loop.call_soon_threadsafe(self.heard.set)


def watched(**options: Any) -> tuple[Gate, Watcher]:
    gate, watcher = Gate(**options), Watcher()
    gate.listeners.append(watcher)
    return gate, watcher


def writer(client: Any, name: str = "a") -> AssistantAgent:
    return AssistantAgent(name, client, model_client_stream=True)


async def test_pieces_are_shown_once_in_order_and_from_the_io_thread() -> None:
    gate, watcher = watched()
    with passing(gate):
        result = await writer(Remote("one two three")).run(task="go")
    assert watcher.chunks == [("nbagents-io", "one "), ("nbagents-io", "two "), ("nbagents-io", "three")]
    assert isinstance(result.messages[-1], TextMessage) and result.messages[-1].content == "one two three"


async def test_the_events_of_a_stream_are_what_they_were() -> None:
    agent = writer(Remote("one two three"))
    events = [item async for item in agent.run_stream(task="go")]
    pieces = [event for event in events if isinstance(event, ModelClientStreamingChunkEvent)]
    assert [piece.content for piece in pieces] == ["one ", "two ", "three"]
    assert {piece.full_message_id for piece in pieces} == {events[-2].id}


async def test_pieces_are_shown_while_the_loop_stands_still() -> None:
    gate, watcher = watched()
    with passing(gate):
        asking = asyncio.create_task(writer(Remote("one two three four", pause=0.02)).run(task="go"))
        await watcher.asked.wait()
        await asyncio.sleep(0)  # the client is asked now
        end = time.monotonic() + 5
        while len(watcher.chunks) < 4 and time.monotonic() < end:
            time.sleep(0.01)  # a cell that computes
        assert len(watcher.chunks) == 4
        await asking
    assert len(watcher.chunks) == 4


async def test_a_client_of_the_users_own_stays_on_the_loop() -> None:
    class Own(Remote):
        on_io_thread = False

    gate, watcher = watched()
    client = Own("one two")
    with passing(gate):
        await writer(client).run(task="go")
    assert client.threads == {"MainThread"}
    assert watcher.chunks == [("MainThread", "one "), ("MainThread", "two")]


async def test_a_cache_goes_where_its_client_goes() -> None:
    client, gate = Remote("one", "two"), Gate()
    with passing(gate):
        await AssistantAgent("a", ChatCompletionCache(client)).run(task="go")
        await AssistantAgent("b", ChatCompletionCache(ReplayChatCompletionClient(["x"]))).run(task="go")
    assert client.threads == {"nbagents-io"}


async def test_secrets_are_taken_out_of_what_is_shown_early() -> None:
    gate, watcher = watched(redactor=Redactor({"MY_KEY": "planted-1234567"}))
    with passing(gate):
        await writer(Remote("key planted-1234567 end")).run(task="go")
    assert "planted" not in str(watcher.chunks)
    assert "[redacted MY_KEY]" in str(watcher.chunks)


async def test_the_journal_is_in_the_order_of_the_loop() -> None:
    gate, _ = watched()
    with passing(gate):
        await RoundRobinGroupChat([writer(Remote("x y")), writer(Remote("z"), "b")], max_turns=2).run(task="go")
    types = [entry["type"] for entry in gate.journal.entries]
    assert types == ["task", *["speaker", "effect", "result", "message"] * 2]


@pytest.mark.parametrize("how", ["token", "task"])
async def test_cancelling_closes_the_stream_within_a_second(how: str) -> None:
    gate, watcher = watched()
    token, client = CancellationToken(), Remote("word " * 10_000, pause=0.01)
    with passing(gate):
        asking = asyncio.create_task(writer(client).run(task="go", cancellation_token=token))
        await watcher.heard.wait()
        began = time.monotonic()
        if how == "token":
            token.cancel()
        else:
            asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert client.closed.is_set()
    assert time.monotonic() - began < 1
    result = gate.journal.entries[-1]
    assert (result["type"], result["ok"]) == ("result", False)


async def test_leaving_a_stream_early_closes_it_there() -> None:
    client = Remote("word " * 10_000, pause=0.001)
    stream = writer(client).run_stream(task="go")
    async for item in stream:
        if isinstance(item, ModelClientStreamingChunkEvent):
            break
    await stream.aclose()
    assert client.closed.is_set()


async def test_a_retry_is_an_entry_of_the_journal() -> None:
    class Busy(Remote):
        async def create(self, messages: Any, **asked: Any) -> CreateResult:
            error = ModelServerError("too much to do", provider="replay", model="script")
            tell(RetryNotice("replay", "script", error, 1, 3, 0.5))
            return CreateResult(finish_reason="stop", content="ok", usage=RequestUsage(1, 1))

    for on_thread in (True, False):
        client = Busy("x")
        client.on_io_thread = on_thread
        run = Run("r", RoundRobinGroupChat([AssistantAgent("a", client)], max_turns=1), Gate())
        run.start("go")
        await run
        entries = run.journal.entries
        retry = next(entry for entry in entries if entry["type"] == "retry")
        assert (retry["attempt"], retry["attempts"], retry["wait"]) == (1, 3, 0.5)
        assert retry["error"] == "ModelServerError: too much to do"
        assert retry["effect"] == next(entry for entry in entries if entry["type"] == "effect")["effect"]
        assert [entry["type"] for entry in entries].index("retry") < [e["type"] for e in entries].index("result")


def test_one_client_serves_several_loops() -> None:
    client = Remote("one", "two", "three")
    for _ in range(3):
        asyncio.run(writer(client).run(task="go"))
    assert client.threads == {"nbagents-io"}


async def test_one_client_is_asked_again_by_another_loop() -> None:
    async with slow_server(2, 0.0) as server:
        client = OpenAIChatCompletionClient("m", api_key="none", base_url=server.url)
        await writer(client).run(task="go")
        second = await asyncio.to_thread(asyncio.run, writer(client).run(task="go"))
        assert str(second.messages[-1].content).count("word") == 2
        await client.close()


async def test_cancelling_closes_the_connection_within_a_second() -> None:
    gate, watcher = watched()
    async with slow_server(1000, 0.02) as server:
        client = OpenAIChatCompletionClient("m", api_key="none", base_url=server.url)
        with passing(gate):
            asking = asyncio.create_task(writer(client).run(task="go"))
            await watcher.heard.wait()
            began = time.monotonic()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
        async with asyncio.timeout(5):
            await server.left.wait()
        assert time.monotonic() - began < 1
        await client.close()


@pytest.mark.parametrize("on_thread", [True, False])
async def test_a_secret_that_comes_in_pieces_is_not_shown(on_thread: bool) -> None:
    gate, watcher = watched(redactor=Redactor({"MY_KEY": "planted-1234567"}))
    text = "the key planted-1234567 is hidden"

    class Letters(Remote):
        on_io_thread = on_thread

        async def create_stream(self, messages: Any, **asked: Any) -> AsyncGenerator[str | CreateResult, None]:
            for letter in text:
                yield letter
            yield CreateResult(finish_reason="stop", content=text, usage=RequestUsage(1, 1))

    with passing(gate):
        await writer(Letters("x")).run(task="go")
    assert "".join(piece for _, piece in watcher.chunks) == "the key [redacted MY_KEY] is hidden"
    assert not gate._pieces, "nothing is kept of an answer that was shown"
