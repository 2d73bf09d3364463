"""Servers that are no gateway, lie, or take their time; that a real one works is in `test_jupyter`."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from nbagents.errors import ConfigurationError, ExecutionUnavailable
from nbagents.executors import JupyterCodeExecutor
from nbagents.executors.gateway import GatewayKernel
from nbagents.executors.kernel_connection import Message

SPEC = json.dumps({"name": "python3", "spec": {"language": "python"}})
NOT_JSON = "is no Jupyter server: expected JSON"


class Server:
    """Answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, str] = {}
        self.asked_to_start, self.may_start = threading.Event(), threading.Event()
        self.may_start.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.command == "POST":
                    outer.asked_to_start.set()
                    outer.may_start.wait(20)
                outer.asked.append(f"{self.command} {self.path}")
                body = outer.answers.get(self.command, "{}").encode("latin-1")
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_DELETE = answer

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


@pytest.mark.parametrize(
    ("spec", "kernel", "said"),
    [
        ("<html>log in</html>", "", NOT_JSON),
        ("[]", "", NOT_JSON),
        ("null", "", NOT_JSON),
        ("\xff\xfe\x00", "", NOT_JSON),
        ("[" * 100_000, "", NOT_JSON),
        ('{"spec": []}', "{}", "did not say which"),
        (SPEC, '{"id": ["a"]}', "did not say which"),
        (SPEC, '{"id": "a"}', "websocket .* cannot be opened"),
    ],
    ids=["page", "list", "null", "bytes", "deep", "nothing", "wrong", "no websocket"],
)
async def test_a_server_that_lies_is_said(server: Server, spec: str, kernel: str, said: str) -> None:
    server.answers = {"GET": spec, "POST": kernel}
    executor = JupyterCodeExecutor(gateway_url=server.url)
    with pytest.raises(ExecutionUnavailable, match=said):
        await executor.start()
    await executor.stop()


@pytest.mark.parametrize("url", ["127.0.0.1:8888", "http://", "http://[::1", "ftp://host"])
async def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ConfigurationError, match="expected http"):
        await JupyterCodeExecutor(gateway_url=url).start()


async def test_a_start_that_is_cancelled_leaves_no_kernel_there(server: Server) -> None:
    """A server may take a minute to start one, and does so also if nobody waits for it."""
    server.answers = {"GET": SPEC, "POST": '{"id": "late"}'}
    server.may_start.clear()
    executor = JupyterCodeExecutor(gateway_url=server.url)
    starting = asyncio.create_task(executor.start())
    assert await asyncio.to_thread(server.asked_to_start.wait, 20)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    server.may_start.set()

    async with asyncio.timeout(10):
        while "DELETE /api/kernels/late" not in server.asked:
            await asyncio.sleep(0.02)
    await executor.stop()


async def test_the_end_of_a_connection_that_another_has_taken_the_place_of_is_no_death(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its end may come late: both ends of a websocket say goodbye."""
    hears: list[Callable[[str | None], None]] = []

    class Socket:
        def close(self) -> None:
            """The goodbye is on its way."""

    async def connect(request: object, on_message_callback: Callable[[str | None], None], **_: object) -> Socket:
        hears.append(on_message_callback)
        return Socket()

    monkeypatch.setattr("tornado.websocket.websocket_connect", connect)
    kernel, heard = GatewayKernel("http://127.0.0.1:9", "python3"), list[Message]()
    await kernel.open(lambda channel, message, size: heard.append(message))
    await kernel.reconnect()
    hears[0](None)
    hears[1]('{"channel": "iopub"}')

    assert not kernel.death.done() and heard == [{"channel": "iopub"}]
    hears[1](None)
    assert "closed" in kernel.death.result().text
