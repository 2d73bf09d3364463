"""Answers that are wrong in one place, cut in the middle of a character, or say two things: whole, or a typed error."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from nbagents.errors import ModelConnectionError, ModelContentFilterError, ModelError, ModelResponseError
from nbagents.io_thread import performed_there
from nbagents.models import ChatCompletionClient, CreateResult, RequestUsage, UserMessage
from nbagents.models.notices import listen
from tests.models.asking import HELLO, ask, both, client_of
from tests.models.conftest import Told
from tests.models.fault_server import EVENT_STREAM, Dialect, FaultServer, OpenAIDialect, Reply, fault_server

Path = tuple[Any, ...]
WRONG: list[Any] = [None, -1, [], {"a": 1}, "\x00\ud800"]


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where something stands in a JSON value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield (*path, key)
        yield from places(item, (*path, key))


def replaced(value: Any, path: Path, by: Any) -> Any:
    changed = copy.deepcopy(value)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = by
    return changed


def events_of(raw: list[str]) -> list[Any]:
    return [json.loads(event.split("data: ")[1]) for event in raw if "data: {" in event]


def as_stream(events: list[Any]) -> bytes:
    kinds = [event.get("type") if isinstance(event, dict) else None for event in events]
    lines = [f"event: {kind if kind in EVENTS else 'x'}\ndata: {json.dumps(event)}\n\n"
             for kind, event in zip(kinds, events, strict=True)]  # fmt: skip
    return "".join([*lines, "data: [DONE]\n\n"] if not any(kinds) else lines).encode()


EVENTS = ("message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta",
          "message_stop")  # fmt: skip


@asynccontextmanager
async def answering(dialect: Dialect, body: Callable[[], tuple[str, bytes]]) -> AsyncIterator[ChatCompletionClient]:
    """A client of a server that answers each request with `body`, on a connection that stays."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).lower():
                await reader.readexactly(int(head.partition(b"content-length:")[2].split()[0]))
                kind, raw = body()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s"
                             % (kind.encode(), len(raw), raw))  # fmt: skip
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()  # the client has left

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    client = client_of(dialect, url, max_retries=0)
    async with server:
        try:
            yield client
        finally:
            await client.close()


def check_sound(result: CreateResult, usage: RequestUsage) -> None:
    """What agents and journals take for granted."""
    texts = [result.model, result.thought or ""]
    calls = [] if isinstance(result.content, str) else result.content
    texts += [result.content] if isinstance(result.content, str) else []
    texts += [text for call in calls for text in (call.id, call.name, call.arguments)]
    for text in texts:
        assert type(text) is str
        text.encode()  # a half of a character could not be kept or sent
    for number in (result.usage.prompt_tokens, result.usage.completion_tokens, usage.prompt_tokens):
        assert type(number) is int and number >= 0


@both
async def test_whatever_stands_in_one_place_it_is_a_sound_answer_or_a_typed_error(
    server: FaultServer, streamed: bool
) -> None:
    dialect = server.dialect
    if streamed:
        right = [events_of(dialect.pieces("one", "stop")), events_of(dialect.calls({"f": ['{"a":1}']}))]
        if dialect.name == "openai":
            token = {"token": "one", "logprob": -1.0, "bytes": [111], "top_logprobs": []}
            right[0][0]["choices"][0]["logprobs"] = {"content": [token]}
    else:
        right = [dialect.whole("one", "stop")]
    wrong = [replaced(one, path, by) for one in right for path in places(one) for by in WRONG]
    kind, left, refused = EVENT_STREAM if streamed else "application/json", iter(wrong), list[ModelError]()

    def body() -> tuple[str, bytes]:
        said = next(left)
        return kind, as_stream(said) if streamed else json.dumps(said).encode()

    async with answering(dialect, body) as client:
        for _ in wrong:
            try:
                check_sound(await ask(client, streamed), client.total_usage())
            except ModelError as error:
                refused.append(error)
    assert 0 < len(refused) < len(wrong)
    assert all(str(error).startswith(f"{dialect.name}/m: ") and "\n" not in str(error) for error in refused)


def sends(server: FaultServer, *parts: bytes) -> None:
    """A stream, in these parts."""

    async def step(reply: Reply) -> None:
        await reply.begin(200, {"Content-Type": EVENT_STREAM})
        for part in parts:
            await reply.write_bytes(part)
            await asyncio.sleep(0.01)  # so that they do not arrive as one

    server.script.append(step)


async def test_a_character_that_comes_in_two_parts(server: FaultServer, client: ChatCompletionClient) -> None:
    raw = "".join(server.dialect.pieces("ÄÖÜ", "stop")).encode().replace(rb"\u00d6", "Ö".encode())
    cut = raw.index("Ö".encode()) + 1
    sends(server, raw[:cut], raw[cut:])
    assert (await ask(client, True)).content == "ÄÖÜ"
    client_once = client_of(server.dialect, server.url, max_retries=0)
    sends(server, raw[:cut])
    with pytest.raises(ModelResponseError):
        await ask(client_once, True)
    await client_once.close()


async def test_halves_of_a_character_in_two_pieces_are_one_and_one_alone_is_a_mark(
    server: FaultServer, client: ChatCompletionClient
) -> None:
    texts: list[str] = []
    server.says("so \ud83d \ude00 it \ud83d is \ud83d")  # each word is a piece
    assert (await ask(client, True, texts)).content == "so😀it�is�"
    assert "".join(texts) == "so😀it�is�"


@both
async def test_half_a_character_in_the_conversation_is_sent_as_a_mark(
    server: FaultServer, client: ChatCompletionClient, streamed: bool
) -> None:
    said = [UserMessage(content="the file \udce4.csv \ud83d\ude00", source="user")]
    if streamed:
        assert [part async for part in client.create_stream(said)]
    else:
        assert await client.create(said)
    assert len(server.asked) == 1
    assert "the file �.csv 😀" in json.dumps(server.asked[0].body, ensure_ascii=False)


async def test_a_mark_of_byte_order_does_not_take_the_first_word_away(
    server: FaultServer, client: ChatCompletionClient
) -> None:
    sends(server, b"\xef\xbb\xbf" + "".join(server.dialect.pieces("one two", "stop")).encode())
    assert (await ask(client, True)).content == "onetwo"


async def test_arguments_with_nul_are_kept_as_the_model_wrote_them(
    server: FaultServer, client: ChatCompletionClient, told: Told
) -> None:
    server.calls({"f": ['{"a": "\\u0000', "\x00", '"}']})
    result = await ask(client, True)
    assert not isinstance(result.content, str) and result.content[0].arguments == '{"a": "\\u0000\x00"}'
    assert "".join(piece.arguments for piece in told.pieces) == result.content[0].arguments


async def test_calls_without_end(server: FaultServer) -> None:
    client = client_of(server.dialect, server.url, max_retries=0)
    server.calls({f"f{number}": ["{}"] for number in range(1001)})
    with pytest.raises(ModelResponseError, match="more than 1,000"):
        await ask(client, True)
    await client.close()


@pytest.mark.parametrize("second", ["stop", "tool_calls"])
async def test_an_answer_that_was_cut_off_is_not_made_whole_by_a_second_reason(second: str) -> None:
    async with fault_server(OpenAIDialect()) as server:  # Anthropic's protocol says it once
        client = client_of(server.dialect, server.url)
        for first in ("length", "filter"):
            events = events_of(server.dialect.pieces("one two", first))
            again = replaced(events[-1], ("choices", 0, "finish_reason"), second)
            sends(server, as_stream([*events, again]))
        assert (await ask(client, True)).finish_reason == "length"
        with pytest.raises(ModelContentFilterError):
            await ask(client, True)
        await client.close()


async def test_an_end_without_its_mark(server: FaultServer, client: ChatCompletionClient) -> None:
    sends(server, "".join(server.dialect.pieces("one two", "stop")[:-1]).encode())
    if server.dialect.name == "openai":
        assert (await ask(client, True)).content == "onetwo", "the reason says that it is whole, without [DONE] too"
    else:
        with pytest.raises(ModelResponseError, match="broke off"):
            await ask(client, True)


@pytest.mark.parametrize("there", [False, True], ids=["loop", "I/O thread"])
@pytest.mark.parametrize("when", ["stream", "answer", "wait"])
async def test_who_closes_the_client_ends_what_it_is_asked(server: FaultServer, when: str, there: bool) -> None:
    client, begun = client_of(server.dialect, server.url), asyncio.Event()
    here = asyncio.get_running_loop()

    async def asked() -> Any:
        if when != "stream":
            listen(lambda notice: here.call_soon_threadsafe(begun.set))
            return await client.create(HELLO)
        async for _ in client.create_stream(HELLO):
            here.call_soon_threadsafe(begun.set)

    if when == "stream":
        server.says("one two three four", end="stall")
    elif when == "wait":
        server.fails(429, headers={"Retry-After": "0.3"})
    else:

        async def silence(reply: Reply) -> None:
            begun.set()
            await reply.left()

        server.script.append(silence)
    asking = asyncio.ensure_future(performed_there(asked) if there else asked())
    await begun.wait()
    await client.close()
    with pytest.raises(ModelConnectionError, match="the client was closed while it was asked"):
        await asyncio.wait_for(asking, 3)
    assert len(server.asked) == 1
    assert (await client.create(HELLO)).content == "ok then", "whoever asks anew is answered"
    await client.close()
