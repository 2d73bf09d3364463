"""What an agent remembers beyond its conversation: `Memory`, which users may implement themselves.

Names and JSON shapes are those of AutoGen's ``autogen_core.memory``; `save_state` and `load_state` are ours.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from ..cancellation import CancellationToken
from ..component import ComponentBase
from ..messages.memory_content import ContentType, MemoryContent, MemoryMimeType
from .context import ChatCompletionContext

__all__ = [
    "ContentType",
    "Memory",
    "MemoryContent",
    "MemoryMimeType",
    "MemoryQueryResult",
    "UpdateContextResult",
]


class MemoryQueryResult(BaseModel):
    """What a memory found."""

    model_config = ConfigDict(defer_build=True)

    results: list[MemoryContent]


class UpdateContextResult(BaseModel):
    """What a memory told the model."""

    model_config = ConfigDict(defer_build=True)

    memories: MemoryQueryResult


class Memory(ABC, ComponentBase[BaseModel]):
    """Remembers, and tells a model what matters now."""

    component_type = "memory"

    @abstractmethod
    async def update_context(self, model_context: ChatCompletionContext) -> UpdateContextResult:
        """Put what matters for the conversation in `model_context` into it, and return it."""

    @abstractmethod
    async def query(
        self, query: str | MemoryContent, cancellation_token: CancellationToken | None = None, **kwargs: Any
    ) -> MemoryQueryResult:
        """What is remembered about `query`, the most fitting first."""

    @abstractmethod
    async def add(self, content: MemoryContent, cancellation_token: CancellationToken | None = None) -> None:
        """Remember one thing more."""

    @abstractmethod
    async def clear(self) -> None:
        """Forget everything."""

    @abstractmethod
    async def close(self) -> None:
        """Give back files and connections."""

    async def save_state(self) -> Mapping[str, Any]:
        """What is remembered, as JSON; nothing for a memory that keeps it elsewhere."""
        return {}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `save_state` saved."""
        return None
