"""The tools of an MCP server one by one, for agents that take tools and no workbench."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, create_model

from ...cancellation import CancellationToken
from ...component import Component, ComponentConfig
from ...errors import ToolError
from ...models.json_schema import schema_to_pydantic_model
from ..results import ToolResult
from ..schema import ToolSchema
from ..tool import BaseTool
from .contents import contents_of, schema_of, tools_of
from .params import McpServerParams, SseServerParams, StdioServerParams, StreamableHttpServerParams
from .session import McpSession
from .transport import connected

if TYPE_CHECKING:
    from mcp import ClientSession
    from mcp.client.session import ElicitationFnT, ListRootsFnT, SamplingFnT
    from mcp.types import CallToolResult, Tool


class McpToolAdapterConfig(ComponentConfig):
    """Where the server is, and what it says of its tool."""

    server_params: McpServerParams
    tool: dict[str, Any]
    requires_approval: bool | None = None


class McpToolAdapter(BaseTool[BaseModel, ToolResult], Component[McpToolAdapterConfig]):
    """One tool of an MCP server.

    Args:
        server_params: where the server is.
        tool: the tool, as the server lists it.
        session: the session to call it on; without one each call has a session of its own.
    """

    component_config_schema = McpToolAdapterConfig
    server_params_type: ClassVar[type[BaseModel]] = BaseModel

    def __init__(self, server_params: McpServerParams, tool: Tool, session: ClientSession | None = None) -> None:
        super().__init__(_arguments(tool), ToolResult, tool.name, tool.description or "")
        self._server_params, self._tool, self._session = server_params, tool, session

    @classmethod
    async def from_server_params(cls, server_params: McpServerParams, tool_name: str) -> Self:
        """The tool called `tool_name` of the server.

        Raises:
            ToolError: the server cannot be reached.
            ValueError: it has no such tool.
        """
        async with connected(server_params) as client:
            tools = await tools_of(client)
        for tool in tools:
            if tool.name == tool_name:
                return cls(server_params, tool)
        known = ", ".join(tool.name for tool in tools)
        raise ValueError(f"Tool '{tool_name}' not found, available tools: {known}")

    @property
    def schema(self) -> ToolSchema:
        """What the server says of its tool."""
        return schema_of(self._tool)

    def return_value_as_string(self, value: Any) -> str:
        """The texts of the answer."""
        return value.to_text() if isinstance(value, ToolResult) else str(value)

    async def run(self, args: BaseModel, cancellation_token: CancellationToken) -> ToolResult:
        """Call the tool.

        Raises:
            ToolError: the server cannot be reached, or says that the tool failed.
        """
        return await self._call(args.model_dump(mode="json", exclude_unset=True, by_alias=True), cancellation_token)

    async def run_json(
        self, args: Mapping[str, Any], cancellation_token: CancellationToken, call_id: str | None = None
    ) -> Any:
        """Call the tool with the arguments as they are: the server knows best what fits."""
        return await self._call(dict(args), cancellation_token)

    def _to_config(self) -> McpToolAdapterConfig:
        tool = self._tool.model_dump(mode="json", by_alias=True, exclude_none=True)
        return McpToolAdapterConfig(
            server_params=self._server_params, tool=tool, requires_approval=self.requires_approval or None
        )

    @classmethod
    def _from_config(cls, config: McpToolAdapterConfig) -> Self:
        from mcp.types import Tool

        adapter = cls(config.server_params, Tool.model_validate(config.tool))
        adapter.requires_approval = bool(config.requires_approval)
        return adapter

    async def _call(self, arguments: dict[str, Any], token: CancellationToken) -> ToolResult:
        if self._session is not None:
            answer: CallToolResult = await self._session.call_tool(self.name, arguments)
        else:
            session = McpSession(self._server_params)
            try:
                answer = await session.call(lambda client: client.call_tool(self.name, arguments), token)
            finally:
                await session.stop()
        result = ToolResult(name=self.name, result=contents_of(answer), is_error=answer.is_error)
        if result.is_error:
            raise ToolError(result.to_text())
        return result


class StdioMcpToolAdapter(McpToolAdapter):
    """One tool of a server that is started here."""

    server_params_type = StdioServerParams


class SseMcpToolAdapter(McpToolAdapter):
    """One tool of a server that is reached with server-sent events."""

    server_params_type = SseServerParams


class StreamableHttpMcpToolAdapter(McpToolAdapter):
    """One tool of a server that is reached over streamable HTTP."""

    server_params_type = StreamableHttpServerParams


async def mcp_server_tools(
    server_params: McpServerParams, session: ClientSession | None = None
) -> list[McpToolAdapter]:
    """All tools of the server, one adapter each.

    Args:
        server_params: where the server is.
        session: the session to list and call them on; without one each call has a session of its own.

    Raises:
        ToolError: the server cannot be reached.
    """
    if session is not None:
        tools = (await session.list_tools()).tools
    else:
        async with connected(server_params) as client:
            tools = await tools_of(client)
    kinds = (StdioMcpToolAdapter, SseMcpToolAdapter, StreamableHttpMcpToolAdapter)
    kind = next(kind for kind in kinds if isinstance(server_params, kind.server_params_type))
    return [kind(server_params, tool, session) for tool in tools]


@asynccontextmanager
async def create_mcp_server_session(
    server_params: McpServerParams,
    sampling_callback: SamplingFnT | None = None,
    elicitation_callback: ElicitationFnT | None = None,
    list_roots_callback: ListRootsFnT | None = None,
) -> AsyncIterator[ClientSession]:
    """A session of the SDK with the server, for ``async with``; calling its `initialize` again does no harm.

    The callbacks answer what the server asks: for a model, a person, the directories that it may use.

    Raises:
        ToolError: the server cannot be reached.
    """
    async with connected(
        server_params,
        sampling=sampling_callback,
        elicitation=elicitation_callback,
        roots=list_roots_callback,
        mode="legacy",
    ) as client:
        yield client.session


def _arguments(tool: Tool) -> type[BaseModel]:
    """A model of the arguments; of a schema that pydantic cannot say, one that takes anything."""
    try:
        return schema_to_pydantic_model(tool.input_schema, f"{tool.name}args")
    except ValueError:
        return create_model(f"{tool.name}args", __config__=ConfigDict(extra="allow"))
