"""What an agent remembers: contexts (what a model is shown of a conversation) and memories (what lasts beyond it)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .context import ChatCompletionContext, ChatCompletionContextState, UnboundedChatCompletionContext
from .list_memory import ListMemory, ListMemoryConfig
from .memory import (
    ContentType,
    Memory,
    MemoryContent,
    MemoryMimeType,
    MemoryQueryResult,
    UpdateContextResult,
)
from .token_limited import TokenLimitedChatCompletionContext
from .windows import BufferedChatCompletionContext, HeadAndTailChatCompletionContext

if TYPE_CHECKING:
    from .compacting import CompactingChatCompletionContext
    from .vector_memory import VectorMemory

_LAZY = {"CompactingChatCompletionContext": ".compacting", "VectorMemory": ".vector_memory"}

__all__ = [
    "BufferedChatCompletionContext",
    "ChatCompletionContext",
    "ChatCompletionContextState",
    "CompactingChatCompletionContext",
    "ContentType",
    "HeadAndTailChatCompletionContext",
    "ListMemory",
    "ListMemoryConfig",
    "Memory",
    "MemoryContent",
    "MemoryMimeType",
    "MemoryQueryResult",
    "TokenLimitedChatCompletionContext",
    "UnboundedChatCompletionContext",
    "UpdateContextResult",
    "VectorMemory",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
