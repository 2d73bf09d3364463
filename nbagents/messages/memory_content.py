"""One thing to remember, as an agent's memory holds it and an event shows it.

Names and JSON shapes are those of AutoGen's ``autogen_core.memory``, here as ``nbagents.memory``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, field_serializer

from ..image import Image


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

    model_config = ConfigDict(defer_build=True, arbitrary_types_allowed=True)

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
