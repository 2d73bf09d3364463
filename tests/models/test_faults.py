"""Every fault of a real server, with both protocols: repeated where that may help, else one typed error."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from nbagents.errors import (
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContentFilterError,
    ModelContextOverflowError,
    ModelError,
    ModelNotFound,
    ModelRateLimitError,
    ModelResponseError,
    ModelServerError,
    ModelTimeoutError,
)
from nbagents.models import (
    ChatCompletionClient,
    CreateResult,
)
from tests.models.asking import HELLO, KEY, ask, both, client_of
from tests.models.fault_server import AnthropicDialect, Dialect, FaultServer, OpenAIDialect, fault_server

pytestmark = pytest.mark.usefixtures("without_waiting")


@both
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}, ModelAuthenticationError),
        (403, {"error": {"message": "not allowed"}}, ModelAuthenticationError),
        (404, {"error": {"message": "The model `m` does not exist", "code": "model_not_found"}}, ModelNotFound),
        (400, {"error": {"message": "m is not a valid model ID", "code": 400}}, ModelNotFound),
        (400, {"error": {"message": "filtered", "code": "content_filter"}}, ModelContentFilterError),
        (402, {"error": {"message": "Insufficient credits"}}, ModelRateLimitError),
        (429, {"error": {"message": "You exceeded your current quota", "type": "insufficient_quota"}},
         ModelRateLimitError),
        (400, {"error": {"message": "request (6031 tokens) exceeds the available context size (4096 tokens)",
                         "type": "exceed_context_size_error", "code": 400}}, ModelContextOverflowError),
        (413, {"error": {"type": "request_too_large", "message": "Request exceeds the maximum size"}},
         ModelContextOverflowError),
        (400, {"error": {"message": "temperature must be below 2"}}, ModelResponseError),
        (501, "<html>not here</html>", ModelServerError),
    ],
    ids=["key", "forbidden", "model", "openrouter", "filter", "credit", "quota", "llama.cpp", "size", "other", "501"],
)  # fmt: skip
async def test_what_will_not_pass_is_not_repeated(
    server: FaultServer, client: ChatCompletionClient, status: int, body: Any, kind: type[ModelError], streamed: bool
) -> None:
    server.fails(status, body)
    with pytest.raises(kind) as caught:
        await ask(client, streamed)
    assert type(caught.value) is kind
    assert len(server.asked) == 1
    said = str(caught.value)
    assert said.startswith(f"{server.dialect.name}/m: ") and "\n" not in said and KEY not in said


async def test_a_context_that_is_too_small(server: FaultServer, client: ChatCompletionClient) -> None:
    server.fails(400, server.dialect.error_of_overflow)
    with pytest.raises(ModelContextOverflowError, match="longer than the model's context"):
        await ask(client, True)


@both
async def test_a_connection_that_is_reset_before_the_answer(
    server: FaultServer, client: ChatCompletionClient, streamed: bool
) -> None:
    server.resets()
    server.resets()
    assert (await ask(client, streamed)).finish_reason == "stop"
    for _ in range(3):
        server.resets()
    with pytest.raises(ModelConnectionError, match="cannot reach http://127"):
        await ask(client, streamed)


@pytest.mark.parametrize("end", ["reset", "cut", "stall"])
async def test_a_stream_that_breaks_off_after_its_first_words_is_an_error(server: FaultServer, end: Any) -> None:
    client, texts = client_of(server.dialect, server.url, timeout=0.3), list[str]()
    server.says("one two three four", end=end)
    with pytest.raises(ModelError) as caught:
        await ask(client, True, texts)
    kinds = {"reset": ModelConnectionError, "cut": ModelResponseError, "stall": ModelTimeoutError}
    assert isinstance(caught.value, kinds[end])
    assert texts[0] == "one"
    assert len(server.asked) == 1, "nobody wants to read the beginning twice"
    await client.close()


@pytest.mark.parametrize("end", ["reset", "cut", "stall"])
async def test_an_answer_that_breaks_off_is_asked_for_again_where_nobody_has_seen_it(
    server: FaultServer, end: Any
) -> None:
    client = client_of(server.dialect, server.url, timeout=0.3)
    server.says("one two three four", end=end)
    assert (await client.create(HELLO)).content == "ok then"
    assert len(server.asked) == 2
    await client.close()


@both
async def test_silence_is_a_timeout(server: FaultServer, streamed: bool) -> None:
    client = client_of(server.dialect, server.url, timeout=0.2, max_retries=1)
    server.is_silent()
    server.is_silent()
    with pytest.raises(ModelTimeoutError, match="did not answer in time"):
        await ask(client, streamed)
    assert len(server.asked) == 2
    await client.close()


async def test_a_server_that_accepts_nobody() -> None:
    with socket.socket() as listening, socket.socket() as first, socket.socket() as second:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for waiting in (first, second):  # the queue of those who wait to be accepted is full
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        for dialect in (OpenAIDialect(), AnthropicDialect()):
            client = client_of(dialect, url, timeout=0.3, max_retries=0)
            with pytest.raises(ModelTimeoutError):
                await ask(client, True)
            await client.close()


@both
async def test_an_empty_answer_is_none(server: FaultServer, client: ChatCompletionClient, streamed: bool) -> None:
    server.says("")
    assert (await ask(client, streamed)).content in ("ok then", "okthen")
    for _ in range(3):
        server.says("")
    with pytest.raises(ModelResponseError, match="the answer is empty"):
        await ask(client, streamed)


@both
async def test_an_answer_that_never_began_for_want_of_tokens(
    server: FaultServer, client: ChatCompletionClient, streamed: bool
) -> None:
    server.says("", finish="length")
    with pytest.raises(ModelResponseError, match="raise max_tokens"):
        await ask(client, streamed)
    assert len(server.asked) == 1


@both
async def test_a_filter_that_stops_the_answer(
    server: FaultServer, client: ChatCompletionClient, streamed: bool
) -> None:
    server.says("how to build a", finish="filter")
    with pytest.raises(ModelContentFilterError, match="stopped the answer"):
        await ask(client, streamed)
    assert len(server.asked) == 1


async def test_an_answer_that_is_cut_at_its_limit_says_so(server: FaultServer, client: ChatCompletionClient) -> None:
    server.says("one two", finish="length")
    assert (await ask(client, True)).finish_reason == "length"


@pytest.mark.parametrize(
    "extra", ['event: x\ndata: {"a": \n\n', 'event: x\ndata: "text"\n\n'], ids=["no JSON", "no object"]
)
async def test_chunks_of_another_shape(server: FaultServer, client: ChatCompletionClient, extra: str) -> None:
    server.says("one two three four", extra=extra)
    with pytest.raises(ModelResponseError, match="something that is not an answer"):
        await ask(client, True)


@both
async def test_a_page_of_html_is_no_answer(server: FaultServer, client: ChatCompletionClient, streamed: bool) -> None:
    server.fails(200, "<html>Please log in</html>", times=3)
    with pytest.raises(ModelResponseError):
        await ask(client, streamed)


async def test_an_error_in_the_middle_of_a_stream(server: FaultServer, client: ChatCompletionClient) -> None:
    said = '{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}'
    server.says("one two three four", extra=f"event: error\ndata: {said}\n\n")
    with pytest.raises(ModelServerError, match="too much to do: Overloaded"):
        await ask(client, True)
    assert len(server.asked) == 1


async def test_who_leaves_a_stream_ends_its_connection(server: FaultServer, client: ChatCompletionClient) -> None:
    server.says("one two three four", end="stall")
    stream = client.create_stream(HELLO)
    assert await anext(stream) == "one"
    await stream.aclose()
    await asyncio.wait_for(server.left.wait(), 1)


def test_a_client_serves_one_loop_after_another() -> None:
    async def once(client: ChatCompletionClient, server: FaultServer) -> CreateResult:
        client._base_url = server.url + ("/v1" if server.dialect.name == "openai" else "")  # type: ignore[attr-defined]
        return await client.create(HELLO)

    for dialect in (OpenAIDialect(), AnthropicDialect()):
        client = client_of(dialect, "http://127.0.0.1:1")

        async def asked(dialect: Dialect = dialect, client: ChatCompletionClient = client) -> None:
            async with fault_server(dialect) as server:
                assert (await once(client, server)).content == "ok then"
                await client.close()

        asyncio.run(asked())
        asyncio.run(asked())
