"""Who answers: the port `ChatCompletionClient` and what is said through it; the clients are imported when used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .client import ChatCompletionClient
from .messages import (
    AssistantMessage,
    ChatCompletionTokenLogprob,
    CreateResult,
    FinishReasons,
    FunctionCall,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    RequestUsage,
    SystemMessage,
    TopLogprob,
    UserMessage,
)
from .model_info import ModelCapabilities, ModelFamily, ModelInfo, validate_model_info
from .names import client_for

if TYPE_CHECKING:
    from .anthropic import AnthropicChatCompletionClient
    from .azure import AzureOpenAIChatCompletionClient
    from .cache import ChatCompletionCache
    from .cache_store import CacheStore, DiskCacheStore, InMemoryStore
    from .fallback import FallbackChatCompletionClient
    from .local import LocalChatCompletionClient
    from .ollama import OllamaChatCompletionClient
    from .openai import OpenAIChatCompletionClient
    from .openrouter import OpenRouterChatCompletionClient
    from .redis_store import RedisStore
    from .replay import ReplayChatCompletionClient

_LAZY = {
    "OpenRouterChatCompletionClient": "openrouter",
    "OllamaChatCompletionClient": "ollama",
    "FallbackChatCompletionClient": "fallback",
    "AzureOpenAIChatCompletionClient": "azure",
    "AnthropicChatCompletionClient": "anthropic",
    "CacheStore": "cache_store",
    "ChatCompletionCache": "cache",
    "DiskCacheStore": "cache_store",
    "InMemoryStore": "cache_store",
    "LocalChatCompletionClient": "local",
    "OpenAIChatCompletionClient": "openai",
    "RedisStore": "redis_store",
    "ReplayChatCompletionClient": "replay",
}

__all__ = [
    "AnthropicChatCompletionClient",
    "AssistantMessage",
    "AzureOpenAIChatCompletionClient",
    "CacheStore",
    "ChatCompletionCache",
    "ChatCompletionClient",
    "ChatCompletionTokenLogprob",
    "CreateResult",
    "DiskCacheStore",
    "FallbackChatCompletionClient",
    "FinishReasons",
    "FunctionCall",
    "FunctionExecutionResult",
    "FunctionExecutionResultMessage",
    "InMemoryStore",
    "LLMMessage",
    "LocalChatCompletionClient",
    "ModelCapabilities",
    "ModelFamily",
    "ModelInfo",
    "OllamaChatCompletionClient",
    "OpenAIChatCompletionClient",
    "OpenRouterChatCompletionClient",
    "RedisStore",
    "ReplayChatCompletionClient",
    "RequestUsage",
    "SystemMessage",
    "TopLogprob",
    "UserMessage",
    "client_for",
    "validate_model_info",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
