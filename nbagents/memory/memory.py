"""What an agent remembers beyond its conversation: `Memory`, which users may implement themselves.

Names and JSON shapes are those of AutoGen's ``autogen_core.memory``; `save_state` and `load_state` are ours.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, field_serializer

from ..cancellation import CancellationToken
from ..image import Image
from .context import ChatCompletionContext


class MemoryMimeType(StrEnum):
    """The kinds of content that are known by name."""

    TEXT = "text/plain"
    JSON = "application/json"
    MARKDOWN = "text/markdown"
    IMAGE = "image/*"
    BINARY = "application/octet-stream"


ContentType = str | bytes | dict[str, Any] | Image


class MemoryContent(BaseModel):
    """One thing to remember.

    Args:
        content: the thing.
        mime_type: what it is; a `MemoryMimeType` or any other MIME type.
        metadata: what else is known of it.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    content: ContentType
    mime_type: MemoryMimeType | str
    metadata: dict[str, Any] | None = None

    @field_serializer("mime_type")
    def serialize_mime_type(self, mime_type: MemoryMimeType | str) -> str:
        """The MIME type as text."""
        return str(mime_type)

    def as_text(self) -> str:
        """The content as a model can read it; bytes and pictures are named only."""
        if isinstance(self.content, Image):
            return "[image]"
        if isinstance(self.content, bytes):
            return f"[{len(self.content)} bytes of {self.serialize_mime_type(self.mime_type)}]"
        return self.content if isinstance(self.content, str) else str(self.content)


class MemoryQueryResult(BaseModel):
    """What a memory found."""

    results: list[MemoryContent]


class UpdateContextResult(BaseModel):
    """What a memory told the model."""

    memories: MemoryQueryResult


class Memory(ABC):
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
