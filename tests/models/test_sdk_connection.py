"""The sockets of a client that nobody closed."""

from __future__ import annotations

import asyncio
import gc
import json
from typing import Any

import pytest

from nbagents.io_thread import performed_there
from tests.models.asking import HELLO, client_of
from tests.models.fault_server import AnthropicDialect, Dialect, OpenAIDialect


@pytest.mark.parametrize("dialect", [OpenAIDialect(), AnthropicDialect()], ids=["openai", "anthropic"])
@pytest.mark.parametrize("there", [False, True], ids=["this loop", "the I/O thread"])
async def test_a_client_that_is_forgotten_closes_its_connection(dialect: Dialect, there: bool) -> None:
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.partition(b"content-length:")[2].split()[0]))
        raw = json.dumps(dialect.whole("ok", "stop")).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(raw) + raw
        )
        await reader.read()  # the connection stays open for the next request
        left.set()
        writer.close()

    async def ask() -> None:
        client = client_of(dialect, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        work: Any = client.create(HELLO)
        result = await (performed_there(lambda: work) if there else work)
        assert result.content == "ok"

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        await ask()
        assert not left.is_set()
        await asyncio.wait_for(forgotten(left), 10)


async def forgotten(left: asyncio.Event) -> None:
    """Collects until the connection is closed: the thread that made the SDK's client may still be letting go of it."""
    while not left.is_set():
        gc.collect()
        await asyncio.sleep(0.01)
