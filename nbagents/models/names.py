"""One string names a model anywhere: ``provider/name``."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigurationError, UnknownNameError
from .client import ChatCompletionClient

_CLIENTS: Mapping[str, tuple[str, str]] = {
    "openai": ("openai", "OpenAIChatCompletionClient"),
    "azure": ("azure", "AzureOpenAIChatCompletionClient"),
    "anthropic": ("anthropic", "AnthropicChatCompletionClient"),
    "local": ("local", "LocalChatCompletionClient"),
    "ollama": ("ollama", "OllamaChatCompletionClient"),
    "openrouter": ("openrouter", "OpenRouterChatCompletionClient"),
}
"""The module and the class of each provider's client; imported when one is made."""

PROVIDERS = tuple(_CLIENTS)


def check_name(name: str) -> tuple[str, str]:
    """The provider and the model that `name` means.

    Raises:
        ConfigurationError: `name` is not of the form provider/name.
        UnknownNameError: there is no such provider.
    """
    provider, slash, model = name.partition("/")
    if not slash or not model:
        raise ConfigurationError(
            f"model {name!r}: expected provider/name, as in openai/gpt-5-mini or local/qwen2.5-coder-1.5b"
        )
    if provider not in PROVIDERS:
        raise UnknownNameError("model provider", provider, PROVIDERS)
    return provider, model


def split_names(names: str) -> list[str]:
    """The models that a text names, separated by commas: the first one, and those that stand in for it.

    Raises:
        ConfigurationError, UnknownNameError: one of them is none.
    """
    listed = [name.strip() for name in names.split(",")]
    for name in listed:
        check_name(name)
    return listed


def client_for(name: str, **options: Any) -> ChatCompletionClient:
    """A client of the model that `name` means; nothing is loaded or connected before its first call.

    Args:
        name: "provider/NAME", with a provider of `PROVIDERS`; "local//path/to/model.gguf" too. Several, separated by
            commas, are one client that asks the next where one does not answer.
        options: passed to the client, e.g. ``base_url``.
    """
    names = split_names(name)
    clients = [_client(*check_name(one), options) for one in names]
    if len(clients) == 1:
        return clients[0]
    from .fallback import FallbackChatCompletionClient

    return FallbackChatCompletionClient(clients)


def _client(provider: str, model: str, options: dict[str, Any]) -> ChatCompletionClient:
    module, name = _CLIENTS[provider]
    made: ChatCompletionClient = getattr(importlib.import_module(f".{module}", __package__), name)(model, **options)
    return made
