"""The tools of MCP servers (Model Context Protocol). The `mcp` package is imported when a server is first used."""

from .adapter import (
    McpToolAdapter,
    SseMcpToolAdapter,
    StdioMcpToolAdapter,
    StreamableHttpMcpToolAdapter,
    create_mcp_server_session,
    mcp_server_tools,
)
from .params import McpServerParams, SseServerParams, StdioServerParams, StreamableHttpServerParams
from .session import McpSession
from .workbench import McpWorkbench

__all__ = [
    "McpServerParams",
    "McpSession",
    "McpToolAdapter",
    "McpWorkbench",
    "SseMcpToolAdapter",
    "SseServerParams",
    "StdioMcpToolAdapter",
    "StdioServerParams",
    "StreamableHttpMcpToolAdapter",
    "StreamableHttpServerParams",
    "create_mcp_server_session",
    "mcp_server_tools",
]
