"""What an agent may call: functions, workbenches, MCP servers, HTTP services. SDKs are imported at first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .caller import Caller, current_caller
from .function_source import Alias, FunctionToolConfig, ImportFromModule, trusting_code
from .function_tool import FunctionTool
from .results import ImageResultContent, ResultContent, TextResultContent, ToolResult
from .schema import ParametersSchema, ToolSchema
from .static_workbench import StaticStreamWorkbench, StaticWorkbench, ToolOverride
from .tool import BaseStreamTool, BaseTool, BaseToolWithState, StreamTool, Tool
from .workbench import StreamWorkbench, Workbench

if TYPE_CHECKING:
    from .http import HttpTool
    from .mcp import (
        McpWorkbench,
        SseServerParams,
        StdioServerParams,
        StreamableHttpServerParams,
        mcp_server_tools,
    )

_LAZY = {
    **dict.fromkeys(
        ["McpWorkbench", "SseServerParams", "StdioServerParams", "StreamableHttpServerParams", "mcp_server_tools"],
        ".mcp",
    ),
    "HttpTool": ".http",
    # It runs code, which is an effect that only the gate may have: it stands on the gate's floor.
    "CodeExecutionInput": "..runtime.code_execution_tool",
    "CodeExecutionResult": "..runtime.code_execution_tool",
    "PythonCodeExecutionTool": "..runtime.code_execution_tool",
}

__all__ = [
    "Alias",
    "BaseStreamTool",
    "BaseTool",
    "BaseToolWithState",
    "Caller",
    "FunctionTool",
    "FunctionToolConfig",
    "HttpTool",
    "ImageResultContent",
    "ImportFromModule",
    "McpWorkbench",
    "ParametersSchema",
    "ResultContent",
    "SseServerParams",
    "StaticStreamWorkbench",
    "StaticWorkbench",
    "StdioServerParams",
    "StreamTool",
    "StreamWorkbench",
    "StreamableHttpServerParams",
    "TextResultContent",
    "Tool",
    "ToolOverride",
    "ToolResult",
    "ToolSchema",
    "Workbench",
    "current_caller",
    "mcp_server_tools",
    "trusting_code",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
