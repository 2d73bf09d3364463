"""Asking again: when, how often, after how long, and who is told."""

from __future__ import annotations

import asyncio
import time

import pytest
import stamina

from nbagents.cancellation import CancellationToken
from nbagents.errors import (
    ModelError,
    ModelRateLimitError,
    ModelServerError,
)
from nbagents.models import (
    ChatCompletionClient,
)
from nbagents.models.faults import retry_after
from nbagents.models.notices import listen
from nbagents.models.retrying import RetryPolicy
from tests.models.asking import HELLO, ask, both
from tests.models.conftest import Told
from tests.models.fault_server import FaultServer

pytestmark = pytest.mark.usefixtures("without_waiting")


@both
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
async def test_what_passes_is_waited_out(
    server: FaultServer, client: ChatCompletionClient, told: Told, status: int, streamed: bool
) -> None:
    server.fails(status, times=2)
    assert (await ask(client, streamed)).content in ("ok then", "okthen")
    assert [(notice.attempt, notice.attempts) for notice in told.retries] == [(1, 3), (2, 3)]
    assert all((notice.provider, notice.model) == (server.dialect.name, "m") for notice in told.retries)
    assert len(server.asked) == 3


@both
@pytest.mark.parametrize(
    ("status", "kind"), [(429, ModelRateLimitError), (500, ModelServerError), (529, ModelServerError)]
)
async def test_what_does_not_pass_is_given_up(
    server: FaultServer, client: ChatCompletionClient, status: int, kind: type[ModelError], streamed: bool
) -> None:
    server.fails(status, times=9)
    with pytest.raises(kind, match=f"/m: .*said {status}") as caught:
        await ask(client, streamed)
    assert len(server.asked) == 3
    assert (caught.value.provider, caught.value.model) == (server.dialect.name, "m")


@both
async def test_the_server_says_when_to_come_back(
    server: FaultServer, client: ChatCompletionClient, told: Told, streamed: bool
) -> None:
    stamina.set_testing(False)
    server.fails(429, headers={"Retry-After": "0.2"})
    began = time.monotonic()
    await ask(client, streamed)
    assert time.monotonic() - began >= 0.2
    assert [notice.wait for notice in told.retries] == [0.2]


async def test_a_server_that_asks_for_too_much_patience(server: FaultServer, client: ChatCompletionClient) -> None:
    server.fails(429, headers={"Retry-After": "3600"})
    with pytest.raises(ModelRateLimitError) as caught:
        await ask(client, True)
    assert caught.value.retry_after == 3600
    assert len(server.asked) == 1


async def test_the_token_ends_the_wait_between_two_attempts(server: FaultServer, client: ChatCompletionClient) -> None:
    stamina.set_testing(False)
    token, waiting = CancellationToken(), asyncio.Event()
    listen(lambda notice: waiting.set())
    server.fails(429, headers={"Retry-After": "60"})
    asking = asyncio.create_task(client.create(HELLO, cancellation_token=token))
    await waiting.wait()
    token.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asking, 1)
    assert len(server.asked) == 1


async def test_retries_write_nothing_into_the_cell(
    server: FaultServer,
    client: ChatCompletionClient,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.fails(500)
    await ask(client, True)
    assert capfd.readouterr().err == ""
    assert [record for record in caplog.records if record.name == "stamina"] == []


async def test_a_limit_per_minute_that_points_to_the_billing_page(
    server: FaultServer, client: ChatCompletionClient
) -> None:
    server.fails(
        429, {"error": {"message": "Rate limit reached. Add a payment method: https://x.example/account/billing"}}
    )
    assert (await ask(client, False)).content == "ok then"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "-1"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "nan"}, 0.0),
        ({"retry-after": "inf"}, float("inf")),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 99999 07:28:00 GMT"}, None),
        ({"retry-after": f"Wed, {'9' * 20} Oct 2015 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 -0000"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
def test_what_the_header_says(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


async def test_no_attempt_begins_after_the_time_is_over() -> None:
    asked = 0

    async def fails() -> None:
        nonlocal asked
        asked += 1
        raise ModelServerError("x", transient=True)

    with pytest.raises(ModelServerError):
        await RetryPolicy(retries=5, seconds=0.1).whole(fails)
    assert asked == 1
