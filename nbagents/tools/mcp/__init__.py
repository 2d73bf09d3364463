"""The tools of MCP servers (Model Context Protocol). The `mcp` package is imported when a server is first used."""

from .adapter import (
    McpToolAdapter,
    SseMcpToolAdapter,
    StdioMcpToolAdapter,
    StreamableHttpMcpToolAdapter,
    create_mcp_server_session,
    mcp_server_tools,
)
from .elicitation import Elicitor, RunElicitor, StdioElicitor, StreamElicitor
from .host import McpSessionHost
from .params import McpServerParams, SseServerParams, StdioServerParams, StreamableHttpServerParams
from .roots import RootsProvider, StaticRootsProvider
from .sampling import ChatCompletionClientSampler, Sampler
from .session import McpSession
from .workbench import McpWorkbench

__all__ = [
    "ChatCompletionClientSampler",
    "Elicitor",
    "McpServerParams",
    "McpSession",
    "McpSessionHost",
    "McpToolAdapter",
    "McpWorkbench",
    "RootsProvider",
    "RunElicitor",
    "Sampler",
    "SseMcpToolAdapter",
    "SseServerParams",
    "StaticRootsProvider",
    "StdioElicitor",
    "StdioMcpToolAdapter",
    "StdioServerParams",
    "StreamElicitor",
    "StreamableHttpMcpToolAdapter",
    "StreamableHttpServerParams",
    "create_mcp_server_session",
    "mcp_server_tools",
]
