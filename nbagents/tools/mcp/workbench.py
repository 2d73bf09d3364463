"""`McpWorkbench`: the tools of an MCP server. Names and signatures are those of AutoGen's ``autogen_ext.tools.mcp``.

On the `mcp` SDK 2.x. Cancelling a call cancels it on the server; a server that went away is started again by the next
call; its tools may be made to wait for a person.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from ...cancellation import CancellationToken
from ...component import Component, ComponentConfig, ComponentModel
from ...errors import ToolError
from ..results import ToolResult
from ..schema import ToolSchema
from ..static_workbench import ENDS_THE_RUN, ToolOverride, error_text, renamed
from ..workbench import Workbench
from .contents import contents_of, schema_of, tools_of
from .host import McpSessionHost
from .params import McpServerParams
from .sampling import ChatCompletionClientSampler
from .session import McpSession

if TYPE_CHECKING:
    from mcp.types import (
        GetPromptResult,
        InitializeResult,
        ListPromptsResult,
        ListResourcesResult,
        ListResourceTemplatesResult,
        ReadResourceResult,
    )

    from ...models.client import ChatCompletionClient


class McpWorkbenchState(BaseModel):
    """The state of the workbench: what the server knows is the server's."""

    type: Literal["McpWorkBenchState"] = "McpWorkBenchState"


class McpWorkbenchConfig(ComponentConfig):
    """Where the server is, and what its tools are called. Which calls a person must agree to is ours."""

    model_config = ConfigDict(protected_namespaces=())

    server_params: McpServerParams
    tool_overrides: dict[str, ToolOverride] = Field(default_factory=dict)
    model_client: ComponentModel | None = None
    host: ComponentModel | None = None
    requires_approval: bool | list[str] | None = None


class McpWorkbench(Workbench, Component[McpWorkbenchConfig]):
    """The tools of an MCP server; connects with the first use, unless it is started before.

    Args:
        server_params: where the server is.
        tool_overrides: other names and descriptions, by the server's names.
        model_client: answers the server when it asks for a model: short for a `host` with that alone.
        host: answers what the server asks; without one it is told that there is nobody.
        requires_approval: True when a person must agree to each call, or the names of such tools as they are offered.

    Raises:
        ValueError: two overrides have the same name, or there are both a `host` and a `model_client`.
    """

    component_config_schema = McpWorkbenchConfig

    def __init__(
        self,
        server_params: McpServerParams,
        tool_overrides: Mapping[str, ToolOverride] | None = None,
        model_client: ChatCompletionClient | None = None,
        *,
        host: McpSessionHost | None = None,
        requires_approval: bool | Container[str] = False,
    ) -> None:
        self._server_params, self._overrides = server_params, dict(tool_overrides or {})
        self._original = renamed(self._overrides)
        if host is not None and model_client is not None:
            raise ValueError("give the model to the host: McpSessionHost(sampler=ChatCompletionClientSampler(client))")
        self._approval, self._model_client, self._host = requires_approval, model_client, host
        if model_client is not None:
            host = McpSessionHost(sampler=ChatCompletionClientSampler(model_client))
        self._session = McpSession(server_params, host)

    @property
    def server_params(self) -> McpServerParams:
        """Where the server is."""
        return self._server_params

    @property
    def initialize_result(self) -> InitializeResult | None:
        """What the server said of itself; None before the first use."""
        return self._session.introduction

    async def list_tools(self) -> list[ToolSchema]:
        """The server's tools, with their other names and descriptions.

        Raises:
            ToolError: the server cannot be reached, or an override has the name of another of its tools.
        """
        schemas = [schema_of(tool) for tool in await self._session.call(tools_of)]
        names = {schema["name"] for schema in schemas}
        for other, own in self._original.items():
            if other in names:
                raise ToolError(f"tool {own!r} is to be called {other!r}, but the server has a tool of that name")
        return [self._overridden(schema) for schema in schemas]

    def requires_approval(self, name: str) -> bool:
        """True when a person must agree to each call of this tool."""
        return self._approval if isinstance(self._approval, bool) else name in self._approval

    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        call_id: str | None = None,
    ) -> ToolResult:
        """Call one of the server's tools; what goes wrong, on the way too, is a result with `is_error`."""
        original, given = self._original.get(name, name), dict(arguments or {})
        try:
            answer = await self._session.call(lambda client: client.call_tool(original, given), cancellation_token)
            return ToolResult(name=name, result=contents_of(answer), is_error=answer.is_error)
        except ENDS_THE_RUN:
            raise
        except Exception as error:
            return ToolResult.of_text(name, error_text(error), is_error=True)

    async def list_prompts(self) -> ListPromptsResult:
        """The server's prompts."""
        return await self._session.call(lambda client: client.list_prompts())

    async def get_prompt(self, name: str, arguments: dict[str, str] | None = None) -> GetPromptResult:
        """One of the server's prompts, filled in."""
        return await self._session.call(lambda client: client.get_prompt(name, arguments))

    async def list_resources(self) -> ListResourcesResult:
        """The server's resources."""
        return await self._session.call(lambda client: client.list_resources())

    async def list_resource_templates(self) -> ListResourceTemplatesResult:
        """The server's templates of resources."""
        return await self._session.call(lambda client: client.list_resource_templates())

    async def read_resource(self, uri: str) -> ReadResourceResult:
        """One of the server's resources."""
        return await self._session.call(lambda client: client.read_resource(uri))

    async def start(self) -> None:
        """Connect.

        Raises:
            ToolError: the server cannot be started or reached.
        """
        await self._session.start()

    async def stop(self) -> None:
        """End the session, and the server if the session started it."""
        await self._session.stop()

    async def reset(self) -> None:
        """End the session; the next call begins another."""
        await self._session.stop()

    async def save_state(self) -> Mapping[str, Any]:
        """Nothing but the kind of state."""
        return McpWorkbenchState().model_dump()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Check that it is a state of an `McpWorkbench`."""
        McpWorkbenchState.model_validate(state)

    def _to_config(self) -> McpWorkbenchConfig:
        approval = self._approval
        if not isinstance(approval, bool):
            if not isinstance(approval, Iterable):
                raise NotImplementedError(f"requires_approval is {approval!r}: only a list of names can be dumped")
            approval = sorted(approval)
        return McpWorkbenchConfig(
            server_params=self._server_params,
            tool_overrides=self._overrides,
            model_client=self._model_client.dump_component() if self._model_client is not None else None,
            host=self._host.dump_component() if self._host is not None else None,
            requires_approval=approval or None,
        )

    @classmethod
    def _from_config(cls, config: McpWorkbenchConfig) -> Self:
        from ...models.client import ChatCompletionClient

        client = ChatCompletionClient.load_component(config.model_client) if config.model_client else None
        host = McpSessionHost.load_component(config.host) if config.host else None
        return cls(
            config.server_params,
            config.tool_overrides,
            client,
            host=host,
            requires_approval=config.requires_approval or False,
        )

    def _overridden(self, schema: ToolSchema) -> ToolSchema:
        override = self._overrides.get(schema["name"])
        if override is not None:
            schema["name"] = override.name or schema["name"]
            schema["description"] = override.description or schema.get("description", "")
        return schema
