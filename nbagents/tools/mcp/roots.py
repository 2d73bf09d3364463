"""Roots: the directories that an MCP server is told it may use. Names and JSON shapes are AutoGen's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel

from ...component import Component, ComponentBase, ComponentConfig

if TYPE_CHECKING:
    from mcp.types import ErrorData, ListRootsResult, Root


class RootsProvider(ABC, ComponentBase[BaseModel]):
    """Says which directories servers may use; users may implement their own."""

    component_type = "mcp_roots_provider"

    @abstractmethod
    async def list_roots(self) -> ListRootsResult | ErrorData:
        """The directories, as they are now."""


class StaticRootsProviderConfig(ComponentConfig):
    """The directories, as ``mcp.types.Root`` says them."""

    roots: list[dict[str, Any]]


class StaticRootsProvider(RootsProvider, Component[StaticRootsProviderConfig]):
    """Directories that are given once."""

    component_config_schema = StaticRootsProviderConfig

    def __init__(self, roots: Sequence[Root]) -> None:
        self._roots = list(roots)

    async def list_roots(self) -> ListRootsResult:
        """The directories."""
        from mcp.types import ListRootsResult

        return ListRootsResult(roots=list(self._roots))

    def _to_config(self) -> StaticRootsProviderConfig:
        said = [root.model_dump(mode="json", by_alias=True, exclude_none=True) for root in self._roots]
        return StaticRootsProviderConfig(roots=said)

    @classmethod
    def _from_config(cls, config: StaticRootsProviderConfig) -> Self:
        from mcp.types import Root

        return cls([Root.model_validate(root) for root in config.roots])
