"""MCP servers for tests: one of someone else's (mcp-server-time), and one whose tools do what a test needs."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Elicit, ElicitationResult, Image, ListRoots, Resolve, Sample
from mcp.types import CreateMessageResult, ListRootsResult, SamplingMessage, TextContent
from pydantic import BaseModel

from nbagents.tools.mcp import SseServerParams, StdioServerParams, StreamableHttpServerParams

TIME_OVER_STDIO = StdioServerParams(
    command=sys.executable, args=["-m", "mcp_server_time", "--local-timezone", "UTC"], read_timeout_seconds=30
)
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

DYING = """
import os
from mcp.server import MCPServer
server = MCPServer("dying")
@server.tool()
def die() -> str:
    os._exit(3)
@server.tool()
def live() -> str:
    return "alive"
server.run("stdio")
"""
DYING_OVER_STDIO = StdioServerParams(command=sys.executable, args=["-c", DYING], read_timeout_seconds=30)


class Watched:
    """A server whose `wait` never ends by itself; what happens in it can be awaited."""

    def __init__(self) -> None:
        self.started, self.cancelled = asyncio.Event(), asyncio.Event()
        self.server = MCPServer("watched")
        self.server.tool()(self.wait)
        self.server.tool()(self.picture)
        self.server.tool()(self.ask)

    async def wait(self) -> str:
        """Wait for ever."""
        self.started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return "never"

    def picture(self) -> Any:
        """A picture and a word."""
        import base64

        return ["look", Image(data=base64.b64decode(PNG), format="png")]

    async def ask(self, answer: Annotated[CreateMessageResult, Resolve(lambda: _question())]) -> str:
        """Ask the client's model."""
        assert isinstance(answer.content, TextContent)
        return f"the model said {answer.content.text}"


class Colour(BaseModel):
    """What `Curious` wants to know."""

    colour: str
    shade: int = 1


class Curious:
    """A server that asks whoever uses it: a person, and for its directories."""

    def __init__(self) -> None:
        self.server = MCPServer("curious")
        self.server.tool()(self.paint)
        self.server.tool()(self.directories)

    async def paint(
        self, wanted: Annotated[ElicitationResult[Colour], Resolve(lambda: Elicit("Which colour?", Colour))]
    ) -> str:
        """Ask for a colour."""
        return (
            f"{wanted.action}: {wanted.data.colour} {wanted.data.shade}" if wanted.action == "accept" else wanted.action
        )

    async def directories(self, roots: Annotated[ListRootsResult, Resolve(lambda: ListRoots())]) -> str:
        """Ask which directories there are."""
        return ", ".join(str(root.uri) for root in roots.roots)


def _question() -> Sample:
    asked = SamplingMessage(role="user", content=TextContent(type="text", text="which colour?"))
    return Sample([asked], max_tokens=10, system_prompt="be brief")


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """The address of `app`, on a real socket of this machine."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        assert not serving.done(), "the server did not start"
        await asyncio.sleep(0.01)  # uvicorn tells by a flag only
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        listening.close()


@asynccontextmanager
async def over_http(server: MCPServer) -> AsyncIterator[StreamableHttpServerParams]:
    """The server over streamable HTTP."""
    async with served(server.streamable_http_app()) as address:
        yield StreamableHttpServerParams(url=f"{address}/mcp")


@asynccontextmanager
async def over_sse(server: MCPServer) -> AsyncIterator[SseServerParams]:
    """The server over HTTP with server-sent events."""
    async with served(server.sse_app()) as address:
        yield SseServerParams(url=f"{address}/sse")
