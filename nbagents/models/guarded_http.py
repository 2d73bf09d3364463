"""The HTTP client under the SDKs, with two guards that they lack.

A redirect to another server is refused: httpx takes only one of the headers that hold a key out of a redirected
request, and the conversation would go along with it. And an answer that grows without end is not read into memory: no
model writes so much, so a server that sends it is broken or means harm. It is asked not to compress, since a few
kilobytes can become gigabytes.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError, ModelResponseError
from .faults import Server
from .key_trust import bare_address, checked_address

if TYPE_CHECKING:
    import httpx2

LONGEST_ANSWER = 64 * 1024 * 1024
LONGEST_COMPRESSED = 256 * 1024
"""Bytes of an answer. One that is compressed although nobody asked for it may become a thousand times as long."""
CONNECT_WITHIN = 10.0
"""Seconds after which a server that accepts no connection is not there, however long its answers may take."""

_ANSWERS = ("application/json", "text/event-stream")

_on_answer: ContextVar[Callable[[], None] | None] = ContextVar("nbagents_on_answer", default=None)


@contextmanager
def answers_told(listener: Callable[[], None]) -> Iterator[None]:
    """Within, `listener` is told when a server begins to answer what is sent, and not with an error."""
    token = _on_answer.set(listener)
    try:
        yield
    finally:
        _on_answer.reset(token)


def sdk_options(sdk: ModuleType, server: Server, address: str | None, timeout: float | None) -> dict[str, Any]:
    """The arguments that each SDK's client is made with.

    Args:
        sdk: `openai` or `anthropic`.
        server: who is asked, for errors.
        address: where; None is the SDK's own server.
        timeout: seconds to wait for the next bytes of an answer; None for as long as it takes.

    Raises:
        ConfigurationError: the address is none.
    """
    import httpx2

    if address is not None:
        checked_address(address)
    connect = CONNECT_WITHIN if timeout is None else min(CONNECT_WITHIN, timeout)
    within = httpx2.Timeout(timeout, connect=connect)
    try:
        http = sdk.DefaultAsyncHttpxClient(
            timeout=within,
            headers={"Accept-Encoding": "identity"},
            event_hooks={"response": [_Guard(server)]},
        )
    except (ValueError, ImportError, httpx2.InvalidURL) as error:  # HTTPS_PROXY, SSL_CERT_FILE and the like
        raise ConfigurationError(
            f"{server.name}: a proxy or certificate that the environment names cannot be used ({type(error).__name__})"
        ) from None  # a proxy's address may hold a password
    return {"timeout": within, "max_retries": 0, "http_client": http}


class _Guard:
    """Looks at the beginning of each answer."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def __call__(self, response: httpx2.Response) -> None:
        if response.has_redirect_location:
            self._check_redirect(response)
        tell = _on_answer.get()
        if tell is not None and response.is_success and response.headers.get("Content-Type", "").startswith(_ANSWERS):
            tell()
        limit = LONGEST_COMPRESSED if response.headers.get("Content-Encoding", "identity") != "identity" else None
        stream: Any = response.stream
        response.stream = _bounded_stream(stream, limit or LONGEST_ANSWER, self._server)

    def _check_redirect(self, response: httpx2.Response) -> None:
        import httpx2

        asked = response.request.url
        try:
            target = asked.join(response.headers["Location"])
        except (httpx2.InvalidURL, ValueError):
            return  # httpx says so itself
        if target.host == asked.host and (target.scheme, target.port) in ((asked.scheme, asked.port), ("https", None)):
            return
        raise self._server.error(
            ModelResponseError,
            f"{self._server.address} sends its callers on to {bare_address(str(target))}, which got nothing: "
            "if you trust it, set base_url to it",
        )


def _bounded_stream(stream: Any, limit: int, server: Server) -> Any:
    """`stream`, until it has brought more than `limit` bytes."""
    import httpx2

    class Bounded(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            read = 0
            async for part in stream:
                if not read:
                    part = part.removeprefix(BOM_UTF8)  # with it the SDKs would not know the first event, and lose it
                read += len(part)
                if read > limit:
                    raise server.error(
                        ModelResponseError, f"{server.address} sent more than {limit:,} bytes: no answer is so long"
                    )
                yield part

        async def aclose(self) -> None:
            await stream.aclose()

    return Bounded()
