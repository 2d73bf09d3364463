"""`McpSessionHost`: what an MCP server may ask of us: a model's answer, a person's, and which directories it may use.

Names and JSON shapes are those of AutoGen's main branch (``autogen_ext.tools.mcp``; 0.7.5 has a model only). A server
is told only of what there is; an error on the way is told to it, and is none of the call that it serves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from ...component import Component, ComponentBase, ComponentConfig, ComponentModel
from .elicitation import Elicitor
from .roots import RootsProvider
from .sampling import Sampler

if TYPE_CHECKING:
    from mcp.types import (
        CreateMessageRequestParams,
        CreateMessageResult,
        ElicitRequestParams,
        ElicitResult,
        ErrorData,
        ListRootsResult,
    )


class McpSessionHostConfig(ComponentConfig):
    """Who answers what."""

    sampler: ComponentModel | None = None
    elicitor: ComponentModel | None = None
    roots: ComponentModel | None = None


class McpSessionHost(ComponentBase[McpSessionHostConfig], Component[McpSessionHostConfig]):
    """Answers what MCP servers ask.

    Args:
        sampler: answers when a server asks for a model.
        roots: says which directories servers may use.
        elicitor: answers when a server asks for a person.
    """

    component_type = "mcp_session_host"
    component_config_schema = McpSessionHostConfig

    def __init__(
        self, sampler: Sampler | None = None, roots: RootsProvider | None = None, elicitor: Elicitor | None = None
    ) -> None:
        self.sampler, self.roots, self.elicitor = sampler, roots, elicitor

    async def handle_sampling_request(self, params: CreateMessageRequestParams) -> CreateMessageResult | ErrorData:
        """A model's answer, or what went wrong."""
        if self.sampler is None:
            return _refused("there is no model for requests of servers: give the host a sampler")
        try:
            return await self.sampler.sample(params)
        except Exception as error:
            return _failed(f"the model did not answer: {error}")

    async def handle_elicit_request(self, params: ElicitRequestParams) -> ElicitResult | ErrorData:
        """A person's answer, or what went wrong."""
        if self.elicitor is None:
            return _refused("nobody answers questions of servers: give the host an elicitor")
        try:
            return await self.elicitor.elicit(params)
        except Exception as error:
            return _failed(f"nobody answered: {error}")

    async def handle_list_roots_request(self) -> ListRootsResult | ErrorData:
        """The directories that servers may use, or what went wrong."""
        if self.roots is None:
            return _refused("no directories are given to servers: give the host roots")
        try:
            return await self.roots.list_roots()
        except Exception as error:
            return _failed(f"the directories are not known: {error}")

    def _to_config(self) -> McpSessionHostConfig:
        return McpSessionHostConfig(
            sampler=self.sampler.dump_component() if self.sampler else None,
            elicitor=self.elicitor.dump_component() if self.elicitor else None,
            roots=self.roots.dump_component() if self.roots else None,
        )

    @classmethod
    def _from_config(cls, config: McpSessionHostConfig) -> Self:
        return cls(
            sampler=Sampler.load_component(config.sampler) if config.sampler else None,
            roots=RootsProvider.load_component(config.roots) if config.roots else None,
            elicitor=Elicitor.load_component(config.elicitor) if config.elicitor else None,
        )


def _refused(why: str) -> ErrorData:
    from mcp.types import INVALID_REQUEST, ErrorData

    return ErrorData(code=INVALID_REQUEST, message=why)


def _failed(why: str) -> ErrorData:
    from mcp.types import INTERNAL_ERROR, ErrorData

    return ErrorData(code=INTERNAL_ERROR, message=why)
