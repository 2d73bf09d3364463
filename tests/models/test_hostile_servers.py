"""Servers that are broken, or mean harm: one typed error, no key in any text, no memory filled."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import re
import time
import traceback
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from nbagents.cancellation import CancellationToken
from nbagents.errors import (
    ConfigurationError,
    ModelAuthenticationError,
    ModelError,
    ModelResponseError,
    ModelServerError,
)
from nbagents.models import (
    AzureOpenAIChatCompletionClient,
    ChatCompletionClient,
    OpenAIChatCompletionClient,
    guarded_http,
    keys,
)
from tests.models.asking import HELLO, KEY, ask, both, client_of
from tests.models.conftest import Told
from tests.models.fault_server import EVENT_STREAM, FaultServer, Reply, fault_server

JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def client(server: FaultServer) -> AsyncIterator[ChatCompletionClient]:
    client = client_of(server.dialect, server.url, max_retries=0)
    yield client
    await client.close()


@pytest.fixture(autouse=True)
def no_keys_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_known", {})


def sends(server: FaultServer, raw: bytes, headers: dict[str, str], status: int = 200) -> None:
    """An answer, byte by byte as it is told."""

    async def step(reply: Reply) -> None:
        await reply.begin(status, headers)
        await reply.write_bytes(raw)

    server.script.append(step)


def kind_of(streamed: bool) -> dict[str, str]:
    return {"Content-Type": EVENT_STREAM} if streamed else JSON


def answer(server: FaultServer, text: str, streamed: bool) -> bytes:
    said = "".join(server.dialect.pieces(text, "stop")) if streamed else json.dumps(server.dialect.whole(text, "stop"))
    return said.encode()


@both
@pytest.mark.parametrize("status", [400, 401, 500])
async def test_a_server_that_repeats_the_key(
    server: FaultServer, client: ChatCompletionClient, status: int, streamed: bool
) -> None:
    server.fails(status, {"error": {"message": f"what is {KEY}?", "type": "said"}})
    with pytest.raises(ModelError) as caught:
        await ask(client, streamed)
    assert KEY not in "".join(traceback.format_exception(caught.value))


@both
async def test_what_an_error_quotes_is_one_line_that_no_terminal_obeys(
    server: FaultServer, client: ChatCompletionClient, streamed: bool
) -> None:
    server.fails(400, {"error": {"message": "no\r\n\x1b[2J\x1b]0;mine\x07\x9b31m \ud800 \x00", "type": "said"}})
    with pytest.raises(ModelError) as caught:
        await ask(client, streamed)
    assert str(caught.value).endswith("no [2J ]0;mine 31m �")


async def test_a_page_in_the_place_of_a_code_is_not_searched(server: FaultServer, client: ChatCompletionClient) -> None:
    server.fails(400, {"error": {"message": "no", "code": "model " * 8000, "type": "context size " * 8000}})
    began = time.monotonic()
    with pytest.raises(ModelResponseError):
        await client.create(HELLO)
    assert time.monotonic() - began < 5


@both
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["another name", "another port"])
async def test_it_is_not_followed_to_another_server(
    server: FaultServer, client: ChatCompletionClient, host: str, streamed: bool
) -> None:
    async with fault_server(server.dialect) as other:
        port = other.url.rpartition(":")[2]
        sends(server, b"", {"Location": f"http://u:planted@{host}:{port}/v1/x", "Content-Length": "0"}, 307)
        with pytest.raises(ModelResponseError, match=f"sends its callers on to http://{host}:{port}/v1/x") as caught:
            await ask(client, streamed)
        assert other.asked == []
    assert len(server.asked) == 1 and "planted@" not in str(caught.value)


async def test_nor_is_azure_s_key_which_httpx_would_pass_on(server: FaultServer) -> None:
    client = AzureOpenAIChatCompletionClient("m", azure_endpoint=server.url, api_key=KEY, max_retries=0)
    async with fault_server(server.dialect) as other:
        sends(server, b"", {"Location": other.url, "Content-Length": "0"}, 307)
        with pytest.raises(ModelResponseError, match="sends its callers on"):
            await client.create(HELLO)
        assert other.asked == []
    await client.close()


async def test_it_is_followed_on_the_same_server(server: FaultServer, client: ChatCompletionClient) -> None:
    sends(server, b"", {"Location": "/elsewhere", "Content-Length": "0"}, 307)
    assert (await client.create(HELLO)).content == "ok then"
    assert [reply.path == "/elsewhere" for reply in server.asked] == [False, True]


@both
async def test_an_answer_without_end(
    server: FaultServer, client: ChatCompletionClient, streamed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded_http, "LONGEST_ANSWER", 100_000)
    for raw in (b" " * 200_000, answer(server, "x" * 200_000, streamed)):
        sends(server, raw, kind_of(streamed))
        with pytest.raises(ModelResponseError, match="more than 100,000 bytes"):
            await ask(client, streamed)


@both
async def test_a_few_bytes_that_become_many(server: FaultServer, client: ChatCompletionClient, streamed: bool) -> None:
    sends(server, gzip.compress(b" " * 300_000_000, 1), kind_of(streamed) | {"Content-Encoding": "gzip"})
    with pytest.raises(ModelResponseError, match="more than 262,144 bytes"):
        await ask(client, streamed)


@both
async def test_an_answer_that_is_compressed_unasked(
    server: FaultServer, client: ChatCompletionClient, streamed: bool
) -> None:
    raw = gzip.compress(answer(server, "hello", streamed))
    sends(server, raw, kind_of(streamed) | {"Content-Encoding": "gzip"})
    assert (await ask(client, streamed)).content == "hello"


@both
async def test_ten_megabytes(server: FaultServer, client: ChatCompletionClient, streamed: bool) -> None:
    sends(server, answer(server, "x" * 10_000_000, streamed), kind_of(streamed))
    assert len((await ask(client, streamed)).content) == 10_000_000


@pytest.fixture
def without_collections() -> Iterator[None]:
    """Finalizers of what other tests left fail where JSON is nested so deep that no depth is left for them."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@both
@pytest.mark.parametrize("fault", ["not gzip", "not UTF-8", "deep", "nothing"])
@pytest.mark.usefixtures("without_collections")
async def test_bytes_that_are_no_answer(
    server: FaultServer, client: ChatCompletionClient, fault: str, streamed: bool
) -> None:
    begin = b"event: x\ndata: " if streamed else b""
    headers, raw = {
        "not gzip": ({"Content-Encoding": "gzip"}, b"not gzip"),
        "not UTF-8": ({}, answer(server, "hello", streamed).replace(b"hello", b"\xff\xfe\x80")),
        "deep": ({}, begin + b"[" * 200_000 + b"\n\n"),
        "nothing": ({"Content-Length": "0"}, b""),
    }[fault]
    sends(server, raw, kind_of(streamed) | headers)
    with pytest.raises(ModelResponseError):
        await ask(client, streamed)


@both
async def test_a_trickle_ends_with_the_token(server: FaultServer, client: ChatCompletionClient, streamed: bool) -> None:
    left, trickling = asyncio.Event(), asyncio.Event()

    async def trickle(reply: Reply) -> None:
        try:
            await reply.begin(200, kind_of(streamed))
            for byte in answer(server, "hello there", streamed):
                await reply.write_bytes(bytes([byte]))
                trickling.set()
                await asyncio.sleep(0.1)
        finally:
            left.set()

    server.script.append(trickle)
    token = CancellationToken()

    async def asked() -> Any:
        if not streamed:
            return await client.create(HELLO, cancellation_token=token)
        return [part async for part in client.create_stream(HELLO, cancellation_token=token)]

    asking = asyncio.create_task(asked())
    await trickling.wait()
    token.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asking, 1)
    await asyncio.wait_for(left.wait(), 2)


@pytest.mark.parametrize("key", [f"{KEY}\nx", "planted-k\u00e9y-123456", "planted-key 123456", "planted\u200b-key"])
async def test_a_key_that_is_none_is_not_shown(server: FaultServer, key: str) -> None:
    kind = type(client_of(server.dialect, server.url))
    client: Any = kind("m", base_url=server.url, api_key=key)  # type: ignore[call-arg]  # each has these
    with pytest.raises(ModelAuthenticationError, match="copy it again") as caught:
        await client.create(HELLO)
    assert "planted" not in "".join(traceback.format_exception(caught.value))
    assert server.asked == []


@both
@pytest.mark.parametrize("where", ["default_headers", "extra_headers"])
async def test_nor_is_a_header_that_is_none_which_is_not_the_server_s_fault(
    server: FaultServer, told: Told, where: str, streamed: bool
) -> None:
    client = client_of(server.dialect, server.url, **{where: {"X-Token": "planted-token\nx"}})
    with pytest.raises(ModelError, match="look at default_headers") as caught:
        await ask(client, streamed)
    assert "planted" not in "".join(traceback.format_exception(caught.value))
    assert server.asked == [] and told.all == []
    await client.close()


async def test_a_key_with_a_line_s_end_is_taken_without_it(server: FaultServer) -> None:
    client: Any = type(client_of(server.dialect, server.url))("m", base_url=server.url, api_key=f" {KEY}\n")  # type: ignore[call-arg]  # each has these
    assert (await client.create(HELLO)).content == "ok then"
    await client.close()


@pytest.mark.parametrize(
    "url", ["models.example/v1", "ftp://models.example", "http://[::1", "http://127.0.0.1:99999/v1", "http:///v1"]
)
async def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ConfigurationError, match="is no address of a server"):
        await OpenAIChatCompletionClient("m", base_url=url, api_key="k").create(HELLO)
    with pytest.raises(ConfigurationError, match=re.escape(f"{url!r} is no address of a server")):
        _ = OpenAIChatCompletionClient("m", base_url=url, api_key="k").billed_by  # a budget asks before the server


@pytest.mark.parametrize("url", ["http://me:planted@models.example:99999/v1", "http://models.example:x/v1?key=planted"])
async def test_nor_is_what_is_secret_in_it_said(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"'http://models\.example:") as caught:
        await OpenAIChatCompletionClient("m", base_url=url, api_key="k").create(HELLO)
    assert "planted" not in "".join(traceback.format_exception(caught.value))


async def test_a_password_in_an_address_is_not_said() -> None:
    client = OpenAIChatCompletionClient(
        "m", base_url="http://me:planted-word@127.0.0.1:1/v1", api_key="k", max_retries=0
    )
    with pytest.raises(ModelError, match=r"cannot reach http://127\.0\.0\.1:1/v1") as caught:
        await client.create(HELLO)
    assert "planted" not in "".join(traceback.format_exception(caught.value))
    await client.close()


@pytest.mark.parametrize("proxy", ["http://me:planted-word@127.0.0.1:1", "nonsense://me:planted-word@x"])
async def test_a_proxy_that_is_none(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    client = OpenAIChatCompletionClient("m", base_url="http://models.invalid/v1", api_key="k", max_retries=0)
    with pytest.raises((ModelError, ConfigurationError)) as caught:
        await client.create(HELLO)
    assert "planted" not in "".join(traceback.format_exception(caught.value))
    await client.close()


@both
async def test_what_failed_before_is_no_cause_of_what_fails_now(
    server: FaultServer, client: ChatCompletionClient, streamed: bool
) -> None:
    server.fails(401)
    server.fails(500)
    try:
        await ask(client, streamed)
    except ModelAuthenticationError:
        with pytest.raises(ModelServerError, match="said 500"):  # as a program does that asks somebody else
            await ask(client, streamed)
