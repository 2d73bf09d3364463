"""A kernel on a Jupyter server elsewhere: Jupyter Server, Kernel Gateway or Enterprise Gateway, by their REST API.

Written on tornado, which ipykernel brings along: the gateway client of `jupyter_server` waits for messages in a busy
loop, connects its websocket without the token, and has one configuration for the whole process. The token is sent with
every request, never followed to another host by a redirect, and is in no message of ours.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from http.client import responses
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from ..errors import ConfigurationError, ExecutionUnavailable
from .kernel_connection import LARGEST_MESSAGE, KernelDeath, Receive

if TYPE_CHECKING:
    from tornado.httpclient import HTTPRequest, HTTPResponse
    from tornado.websocket import WebSocketClientConnection

TOKEN_VARIABLE = "JUPYTER_GATEWAY_AUTH_TOKEN"
SCHEME_VARIABLE = "JUPYTER_GATEWAY_AUTH_SCHEME"
START_SECONDS = 60.0
SECONDS = 20.0
LONGEST_REASON = 500

ENDED = ("dead", "restarting", "autorestarting")
"""What a server tells of a kernel that has died; it may start another in its place, which has no variables."""

_log = logging.getLogger(__name__)
_leaving: set[asyncio.Task[None]] = set()


class GatewayKernel:
    """One kernel that a gateway runs for us.

    Args:
        url: the server's, as in "https://gateway.example:8888"; its base path included.
        kernel_name: which of its kernelspecs.
        env: variables for the kernel; the server decides which it takes.
    """

    def __init__(self, url: str, kernel_name: str, env: dict[str, str] | None = None) -> None:
        from jupyter_client.session import Session

        if not _is_address(url):
            raise ConfigurationError(f"gateway_url {url!r}: expected http:// or https://, as in http://127.0.0.1:8888")
        self.language = ""
        self.death: asyncio.Future[KernelDeath] = asyncio.get_running_loop().create_future()
        self._url, self._kernel_name, self._env = url.rstrip("/"), kernel_name, env or {}
        self._messages = Session(key=b"")
        self._kernel_id = ""
        self._socket: WebSocketClientConnection | None = None
        self._sockets = 0
        self._receive: Receive | None = None
        self._sending: set[asyncio.Future[None]] = set()
        self._closed = False

    async def start(self) -> None:
        """Have the server start the kernel.

        Raises:
            ExecutionUnavailable: it cannot be reached, refused, or has no such kernelspec.
        """
        found = await self._ask("GET", f"/api/kernelspecs/{quote(self._kernel_name, safe='')}")
        spec = found.get("spec")
        self.language = str(spec.get("language", "")).lower() if isinstance(spec, dict) else ""
        starting = asyncio.create_task(self._start())
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            _end_later(self._end_when_started(starting))
            raise

    async def _start(self) -> None:
        kernel = await self._ask("POST", "/api/kernels", {"name": self._kernel_name, "env": self._env}, START_SECONDS)
        if not isinstance(kernel.get("id"), str):
            raise ExecutionUnavailable(f"the gateway {self._url} started a kernel and did not say which")
        self._kernel_id = quote(kernel["id"], safe="")

    async def _end_when_started(self, starting: asyncio.Task[None]) -> None:
        """The server goes on with what it was asked for, also when nobody waits for it any more."""
        with suppress(ExecutionUnavailable):
            await starting
        await self.close()

    async def open(self, receive: Receive) -> None:
        """Connect; from now on `receive` is called with each message."""
        from tornado.websocket import websocket_connect

        self._receive = receive
        request = self._request("GET", f"/api/kernels/{self._kernel_id}/channels", SECONDS)
        request.url = "ws" + request.url.removeprefix("http")
        self._sockets += 1
        on_message = partial(self._on_message, self._sockets)
        try:
            self._socket = await websocket_connect(
                request, on_message_callback=on_message, max_message_size=LARGEST_MESSAGE, ping_interval=10
            )
        except Exception as error:
            raise ExecutionUnavailable(
                f"the websocket of the kernel at {self._url} cannot be opened: {error}"
            ) from None

    async def reconnect(self) -> None:
        """Connect anew, after messages got lost."""
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.close()
        assert self._receive is not None
        await self.open(self._receive)

    def send(self, channel: str, kind: str, content: dict[str, Any]) -> str:
        """Send a message on "shell" or "stdin"; returns its id."""
        from jupyter_client.jsonutil import json_default

        if self._socket is None:
            raise RuntimeError("the kernel is not connected")
        message = self._messages.msg(kind, content)
        message["channel"] = channel
        with suppress(Exception):  # a closed socket: `death` tells
            sent = asyncio.ensure_future(self._socket.write_message(json.dumps(message, default=json_default)))
            self._sending.add(sent)
            sent.add_done_callback(self._on_sent)
        return str(message["header"]["msg_id"])

    async def interrupt(self) -> None:
        """What Ctrl-C does."""
        await self._ask("POST", f"/api/kernels/{self._kernel_id}/interrupt")

    async def close(self) -> None:
        """End the kernel, and let go of it."""
        if self._closed:
            return
        self._closed = True
        if self._socket is not None:
            self._socket.close()
        self._die("the kernel was stopped")
        if self._kernel_id:
            try:
                await self._ask("DELETE", f"/api/kernels/{self._kernel_id}")
            except ExecutionUnavailable as error:  # it is gone already, or nobody can end it
                _log.info("the kernel at %s could not be ended: %s", self._url, error)

    def _on_sent(self, sent: asyncio.Future[None]) -> None:
        self._sending.discard(sent)
        if not sent.cancelled() and sent.exception() is not None:
            self._die("the connection to the gateway was closed")

    def _on_message(self, number: int, text: str | bytes | None) -> None:
        if number != self._sockets:  # of one that another has taken the place of: its end may come after that
            return
        if text is None:
            if self._socket is not None and not self._closed:
                self._die("the connection to the gateway was closed, or a message was too large")
            return
        try:
            message = json.loads(text)
        except (ValueError, RecursionError):  # binary frames are for widgets
            return
        if not isinstance(message, dict) or self._receive is None:
            return
        content = message.get("content")
        if (
            message.get("msg_type") == "status"
            and isinstance(content, dict)
            and content.get("execution_state") in ENDED
        ):
            self._die("the kernel died, as the gateway says")
        self._receive(str(message.get("channel")), message, len(text))

    def _die(self, text: str) -> None:
        if not self.death.done():
            self.death.set_result(KernelDeath(1, text))

    # HTTP -------------------------------------------------------------------------------------------------

    async def _ask(self, method: str, path: str, body: Any = None, timeout: float = SECONDS) -> dict[str, Any]:
        from tornado.httpclient import AsyncHTTPClient

        request = self._request(method, path, timeout)
        if method == "POST":
            request.body = json.dumps(body or {}).encode()
        try:
            response: HTTPResponse = await AsyncHTTPClient().fetch(request, raise_error=False)
        except OSError as error:
            raise ExecutionUnavailable(f"the gateway {self._url} cannot be reached: {error}") from None
        if response.code >= 300:
            raise ExecutionUnavailable(f"{method} {self._url}{path} failed: {response.code} {_hint(response)}")
        return self._answer(response.body)

    def _answer(self, body: bytes) -> dict[str, Any]:
        with suppress(ValueError, RecursionError):
            if isinstance(answer := json.loads(body or b"{}"), dict):
                return answer
        raise ExecutionUnavailable(
            f"what answers at {self._url} is no Jupyter server: expected JSON, got {body[:60]!r}"
        )

    def _request(self, method: str, path: str, timeout: float) -> HTTPRequest:
        from tornado.httpclient import HTTPRequest

        token = os.environ.get(TOKEN_VARIABLE)
        headers = {"Authorization": f"{os.environ.get(SCHEME_VARIABLE, 'token')} {token}"} if token else {}
        return HTTPRequest(
            f"{self._url}{path}",
            method,
            headers,
            follow_redirects=False,
            request_timeout=timeout,
            connect_timeout=10,
        )


def _end_later(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    _leaving.add(task)
    task.add_done_callback(_leaving.discard)


def _is_address(url: str) -> bool:
    try:
        return url.startswith(("http://", "https://")) and bool(urlsplit(url).hostname)
    except ValueError:  # no address at all, as "http://[::1"
        return False


def _hint(response: HTTPResponse) -> str:
    if response.code == 404:
        return "(no such kernelspec, or the URL lacks the server's base path)"
    if response.code == 599:
        return f"(no answer: {response.error})"
    if said := _said(response):
        return f"({said})"
    if response.code in (401, 403):
        return f"(the token: set the environment variable {TOKEN_VARIABLE})"
    return str(response.reason)


def _said(response: HTTPResponse) -> str:
    """What the server says beyond its code, as an Enterprise Gateway does that refuses a user; "" for nothing."""
    try:
        body = json.loads(response.body or b"{}")
    except ValueError:
        return ""
    for name in ("reason", "message"):
        words = body.get(name) if isinstance(body, dict) else None
        if isinstance(words, str) and words not in ("", responses.get(response.code)):
            return "".join(each for each in words if each.isprintable())[:LONGEST_REASON]
    return ""
