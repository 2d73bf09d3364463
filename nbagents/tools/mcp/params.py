"""Where an MCP server is and how it is reached; names and shapes are those of AutoGen's ``autogen_ext.tools.mcp``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field


def _place(url: str) -> str:
    said = urlsplit(url)
    return f"{said.scheme}://{said.netloc.rpartition('@')[2]}{said.path}"


class StdioServerParams(BaseModel):
    """A program that is started here and spoken to through its standard input and output.

    Of the environment it gets only what a program needs to start (PATH, HOME and the like), and `env`.
    """

    type: Literal["StdioServerParams"] = "StdioServerParams"
    command: str
    args: list[str] = Field(default_factory=list)
    env: dict[str, str] | None = None
    cwd: str | Path | None = None
    encoding: str = "utf-8"
    encoding_error_handler: Literal["strict", "ignore", "replace"] = "strict"
    read_timeout_seconds: float = 5

    @property
    def place(self) -> str:
        """The server, as an error names it: without its arguments, which may hold a key."""
        return self.command


class SseServerParams(BaseModel):
    """A server that is reached over HTTP with server-sent events (the older way)."""

    type: Literal["SseServerParams"] = "SseServerParams"
    url: str
    headers: dict[str, Any] | None = None
    timeout: float = 5
    sse_read_timeout: float = 300

    @property
    def place(self) -> str:
        """The server, as an error names it: without its query and user, which may hold a key."""
        return _place(self.url)


class StreamableHttpServerParams(BaseModel):
    """A server that is reached over streamable HTTP."""

    type: Literal["StreamableHttpServerParams"] = "StreamableHttpServerParams"
    url: str
    headers: dict[str, Any] | None = None
    timeout: float = 30.0
    sse_read_timeout: float = 300.0
    terminate_on_close: bool = True

    @property
    def place(self) -> str:
        """The server, as an error names it: without its query and user, which may hold a key."""
        return _place(self.url)


McpServerParams = Annotated[
    StdioServerParams | SseServerParams | StreamableHttpServerParams, Field(discriminator="type")
]
