"""Opens the way to an MCP server: the one place where parameters become a client of the `mcp` SDK."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, TextIO

from ...errors import ConfigurationError, ToolError
from .params import McpServerParams, SseServerParams, StdioServerParams, StreamableHttpServerParams

if TYPE_CHECKING:
    from mcp import Client
    from mcp.client import Transport
    from mcp.client.session import ElicitationFnT, ListRootsFnT, SamplingFnT

LAST_WORDS = 600
"""So many characters of what a server wrote to its standard error are told when it cannot be reached."""


@asynccontextmanager
async def connected(
    params: McpServerParams,
    *,
    sampling: SamplingFnT | None = None,
    elicitation: ElicitationFnT | None = None,
    roots: ListRootsFnT | None = None,
    mode: str = "auto",
) -> AsyncIterator[Client]:
    """A client that is connected to the server; leaving ends the session and the server that it started.

    Args:
        params: where the server is.
        sampling: answers the server when it asks for a model.
        elicitation: answers the server when it asks for a person.
        roots: answers the server when it asks which directories it may use.
        mode: "auto", or "legacy" for the handshake of before 2026.

    Raises:
        ToolError: the server cannot be started or reached.
        ConfigurationError: the `mcp` package is missing.
    """
    try:
        from mcp import Client
    except ImportError as error:
        raise ConfigurationError('MCP servers need the mcp package: pip install "nbagents[mcp]"') from error
    timeout = params.read_timeout_seconds if isinstance(params, StdioServerParams) else params.sse_read_timeout
    async with AsyncExitStack() as stack:
        said = stack.enter_context(_file())
        transport = await _transport(params, said, stack)
        client = Client(
            transport,
            read_timeout_seconds=timeout,
            sampling_callback=sampling,
            elicitation_callback=elicitation,
            list_roots_callback=roots,
            mode=mode,
        )
        try:
            await stack.enter_async_context(client)
        except Exception as error:
            raise ToolError(f"the MCP server {params.place!r} cannot be reached: {_why(error)}{_tail(said)}") from error
        yield client


async def _transport(params: McpServerParams, said: TextIO, stack: AsyncExitStack) -> Transport:
    if isinstance(params, StdioServerParams):
        from mcp import StdioServerParameters, stdio_client

        program = StdioServerParameters(**params.model_dump(exclude={"type", "read_timeout_seconds"}))
        # Its own words go to a file: a notebook's standard error is no file that a process could write to.
        return stdio_client(program, errlog=said)
    if isinstance(params, SseServerParams):
        from mcp.client.sse import sse_client

        return sse_client(params.url, params.headers, params.timeout, params.sse_read_timeout)
    from mcp.client.streamable_http import streamable_http_client

    client = await stack.enter_async_context(_http_client(params))
    return streamable_http_client(params.url, http_client=client, terminate_on_close=params.terminate_on_close)


def _http_client(params: StreamableHttpServerParams) -> Any:
    import httpx2

    timeout = httpx2.Timeout(params.timeout, read=params.sse_read_timeout)
    return httpx2.AsyncClient(headers=params.headers, timeout=timeout)


def _file() -> TextIO:
    return tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")


def _why(error: BaseException) -> str:
    """The first cause in a group of errors, which says more than the group does."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _tail(said: TextIO) -> str:
    said.seek(0)
    words = said.read().strip()[-LAST_WORDS:]
    return f"; it said: {words}" if words else ""
