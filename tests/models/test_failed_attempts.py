"""What an attempt cost of which no answer came: exactly where the server counted, else an estimate, else nothing."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from nbagents.cancellation import CancellationToken
from nbagents.errors import ModelError
from nbagents.models import ChatCompletionClient, CreateResult, RequestUsage
from tests.models.asking import HELLO, ask, both, client_of
from tests.models.conftest import Told
from tests.models.fault_server import FaultServer, OpenAIDialect, fault_server

pytestmark = pytest.mark.usefixtures("without_waiting")

PROMPT = {"openai": 5, "anthropic": 3}
"""Tokens of HELLO: of OpenAI's estimated, of Anthropic's said in the first event."""


@both
@pytest.mark.parametrize("status", [400, 401, 429, 500, 529])
async def test_a_refusal_costs_nothing(
    server: FaultServer, client: ChatCompletionClient, told: Told, status: int, streamed: bool
) -> None:
    server.fails(status, times=3)
    with pytest.raises(ModelError):
        await ask(client, streamed)
    assert told.failed == [] and client.total_usage() == RequestUsage()


@both
async def test_a_page_of_html_costs_nothing(
    server: FaultServer, client: ChatCompletionClient, told: Told, streamed: bool
) -> None:
    server.fails(200, "<html>Please log in</html>", times=3)
    with pytest.raises(ModelError):
        await ask(client, streamed)
    assert told.failed == []


@pytest.mark.parametrize("end", ["cut", "reset", "stall"])
async def test_what_broke_off_cost_the_prompt_and_what_came(server: FaultServer, told: Told, end: Any) -> None:
    client = client_of(server.dialect, server.url, timeout=0.3)
    server.says("one two three four " * 20, end=end)
    with pytest.raises(ModelError):
        await ask(client, True)
    (failed,) = told.failed
    assert failed.estimated and failed.usage.prompt_tokens == PROMPT[server.dialect.name]
    assert failed.usage.completion_tokens >= 3, "onetwothree"
    assert (failed.provider, failed.model, failed.answered) == (server.dialect.name, "m", "m")
    assert client.total_usage() == failed.usage
    await client.close()


async def test_arguments_of_calls_count_and_each_attempt_does(server: FaultServer, told: Told) -> None:
    client = client_of(server.dialect, server.url)
    for _ in range(2):
        server.calls({"search": ['{"query": "' + "x" * 400 + '"}']}, end="reset")
    await ask(client, True)
    assert len(told.failed) == 2 and all(failed.usage.completion_tokens >= 100 for failed in told.failed)
    assert client.total_usage().completion_tokens >= 200
    await client.close()


async def test_a_whole_answer_that_is_empty_cost_what_the_server_says(
    server: FaultServer, client: ChatCompletionClient, told: Told
) -> None:
    server.says("")
    assert (await client.create(HELLO)).content == "ok then"
    (failed,) = told.failed
    assert (failed.usage, failed.estimated) == (RequestUsage(3, 4), False)
    assert client.total_usage() == RequestUsage(6, 8)


async def test_a_whole_answer_of_which_a_part_came_cost_its_prompt_at_least(server: FaultServer, told: Told) -> None:
    client = client_of(server.dialect, server.url, timeout=0.3)
    server.says("one two three four", end="cut")
    assert (await client.create(HELLO)).content == "ok then"
    (failed,) = told.failed
    assert failed.estimated and failed.usage.prompt_tokens >= 4
    await client.close()


async def test_a_count_before_the_break_is_exact(server: FaultServer, told: Told) -> None:
    client = client_of(server.dialect, server.url, max_retries=0)
    usage = {"prompt_tokens": 11, "completion_tokens": 22, "total_tokens": 33}
    counts = {
        "openai": {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [],
                   "usage": usage},
        "anthropic": {"type": "message_delta", "delta": {"stop_reason": None},
                      "usage": {"input_tokens": 11, "output_tokens": 22}},
    }  # fmt: skip
    said = counts[server.dialect.name]
    pieces = server.dialect.pieces("one", "stop")[: 1 if server.dialect.name == "openai" else 3]

    async def step(reply: Any) -> None:
        await reply.begin(200, {"Content-Type": "text/event-stream"})
        for piece in [*pieces, f"event: {said.get('type', 'x')}\ndata: {json.dumps(said)}\n\n"]:
            await reply.write(piece)

    server.script.append(step)
    with pytest.raises(ModelError):
        await ask(client, True)
    (failed,) = told.failed
    assert (failed.usage, failed.estimated) == (RequestUsage(11, 22), False)
    await client.close()


async def test_a_count_of_nothing_is_none(told: Told) -> None:
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    dialect = OpenAIDialect()  # Anthropic's stream counts at its end
    pieces = [json.loads(piece[6:]) | {"usage": usage} for piece in dialect.pieces("one two", "stop")[:2]]

    async def step(reply: Any) -> None:
        await reply.begin(200, {"Content-Type": "text/event-stream"})
        for piece in pieces:
            await reply.write(f"data: {json.dumps(piece)}\n\n")

    async with fault_server(dialect) as server:
        client = client_of(dialect, server.url, max_retries=0)
        server.script.append(step)
        with pytest.raises(ModelError):
            await ask(client, True)
        await client.close()
    assert told.failed[0].estimated and told.failed[0].usage.prompt_tokens > 0


async def test_a_stream_that_is_left_or_cancelled_cost_what_came(server: FaultServer, told: Told) -> None:
    client = client_of(server.dialect, server.url)
    server.says("one two three four", end="stall")
    stream = client.create_stream(HELLO)
    assert await anext(stream) == "one"
    await stream.aclose()
    assert len(told.failed) == 1

    server.says("one two three four", end="stall")
    token = CancellationToken()

    async def read() -> None:
        async for part in client.create_stream(HELLO, cancellation_token=token):
            if part == "one":
                token.cancel()

    with pytest.raises(asyncio.CancelledError):
        await read()
    assert len(told.failed) == 2 and all(failed.estimated for failed in told.failed)
    await client.close()


async def test_who_has_the_result_and_leaves_has_not_failed(
    server: FaultServer, client: ChatCompletionClient, told: Told
) -> None:
    stream = client.create_stream(HELLO)
    async for part in stream:
        if isinstance(part, CreateResult):
            break
    await stream.aclose()
    assert told.failed == []
