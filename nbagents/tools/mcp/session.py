"""One session with an MCP server, in one task of its own that opens and closes it.

The SDK wants a session closed by the task that opened it, and a workbench is used by many: so the session lives in an
owner task, and calls are made on it from wherever they come. A call that is cancelled tells the server so.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from ...cancellation import CancellationToken
from ...errors import ToolError
from .params import McpServerParams
from .transport import connected

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import InitializeResult

    from .host import McpSessionHost

T = TypeVar("T")

PATIENCE = 0.5
"""So many seconds a cancelled caller waits for a server that is slow to go; `stop` waits for all of it."""


class McpSession:
    """A session with the server at `params`; it begins with the first call, unless `start` is called before.

    Args:
        params: where the server is.
        host: answers what the server asks; runs in the context of the latest call.
    """

    def __init__(self, params: McpServerParams, host: McpSessionHost | None = None) -> None:
        self.params = params
        self._host = host
        self._context = contextvars.copy_context()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._owner: asyncio.Task[None] | None = None
        self._client: Client | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._closing, self._starting = asyncio.Event(), asyncio.Lock()

    @property
    def introduction(self) -> InitializeResult | None:
        """What the server said of itself; None while there is no session."""
        if self._client is None:
            return None
        from mcp.types import InitializeResult

        said = self._client
        return InitializeResult(
            protocol_version=said.protocol_version,
            capabilities=said.server_capabilities,
            server_info=said.server_info,
            instructions=said.instructions,
        )

    async def start(self) -> Client:
        """The client of the session, which begins if it has not.

        Raises:
            ToolError: the server cannot be started or reached.
        """
        self._begin_on(asyncio.get_running_loop())
        async with self._starting:
            if self._client is None or self._owner is None or self._owner.done():
                self._client = await self._opened()
            return self._client

    async def stop(self) -> None:
        """End the session, and the server if the session started it."""
        self._begin_on(asyncio.get_running_loop())
        owner, self._owner, self._client = self._owner, None, None
        if owner is not None:
            self._closing.set()
            self._ending.add(owner)
        while self._ending:
            _, self._ending = await asyncio.wait(self._ending)

    async def call(self, ask: Callable[[Client], Awaitable[T]], token: CancellationToken | None = None) -> T:
        """What `ask` gets from the client; ends with the token or with whoever awaits this.

        Raises:
            ToolError: the server cannot be reached, or went away: the next call starts it again.
            mcp.MCPError: the server refused.
        """
        client = await self.start()
        self._context = contextvars.copy_context()
        asking = asyncio.ensure_future(ask(client))
        if token is not None:
            token.link_future(asking)
        try:
            return await asking
        except Exception as error:
            if not _went_away(error):
                raise
            await self.stop()
            raise ToolError(f"the MCP server {self.params.place!r} went away: the next call starts it again") from error

    def _begin_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Know nothing of another loop's session: it ended with its loop, as after an ``asyncio.run``."""
        if loop is not self._loop:
            self._loop = loop
            self._owner, self._client, self._ending = None, None, set()
            self._closing, self._starting = asyncio.Event(), asyncio.Lock()

    async def _opened(self) -> Client:
        self._closing = asyncio.Event()
        ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        owner = self._owner = asyncio.create_task(self._own(ready, self._closing))
        try:
            return await asyncio.shield(ready)
        except BaseException:
            # Whoever waited was cancelled, or the server did not come: nothing stays behind.
            owner.cancel()
            self._owner = None
            _, going = await asyncio.wait([owner], timeout=PATIENCE)
            self._ending |= going
            raise

    async def _own(self, ready: asyncio.Future[Client], closing: asyncio.Event) -> None:
        try:
            async with connected(self.params, **self._answering()) as client:
                ready.set_result(client)
                await closing.wait()
        except asyncio.CancelledError:
            ready.cancel()
            raise
        except Exception as error:
            # An error while closing is nobody's any more: the calls have had their answers.
            if not ready.done():
                ready.set_exception(error)

    def _answering(self) -> dict[str, Any]:
        """How the server's questions are answered, of which it is told only where there is an answer."""
        host = self._host
        if host is None:
            return {}

        async def sampling(_: Any, params: Any) -> Any:
            return await self._in_context(host.handle_sampling_request(params))

        async def elicitation(_: Any, params: Any) -> Any:
            return await self._in_context(host.handle_elicit_request(params))

        async def roots(_: Any) -> Any:
            return await self._in_context(host.handle_list_roots_request())

        return {
            "sampling": sampling if host.sampler else None,
            "elicitation": elicitation if host.elicitor else None,
            "roots": roots if host.roots else None,
        }

    async def _in_context(self, answering: Coroutine[Any, Any, T]) -> T:
        """What `answering` gives in the context of the call that the server serves: it knows the run's gate."""
        return await asyncio.create_task(answering, context=self._context)


def _went_away(error: Exception) -> bool:
    import anyio
    from mcp import MCPError
    from mcp.types import CONNECTION_CLOSED

    if isinstance(error, MCPError):
        return error.code == CONNECTION_CLOSED
    return isinstance(error, anyio.ClosedResourceError | anyio.BrokenResourceError)
