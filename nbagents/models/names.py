"""One string names a model anywhere: ``provider/name``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import ConfigurationError, UnknownNameError
from .client import ChatCompletionClient


def _openai(model: str, options: dict[str, Any]) -> ChatCompletionClient:
    from .openai import OpenAIChatCompletionClient

    return OpenAIChatCompletionClient(model, **options)


def _local(model: str, options: dict[str, Any]) -> ChatCompletionClient:
    from .local import LocalChatCompletionClient

    return LocalChatCompletionClient(model, **options)


PROVIDERS: Mapping[str, Callable[[str, dict[str, Any]], ChatCompletionClient]] = {"openai": _openai, "local": _local}


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


def client_for(name: str, **options: Any) -> ChatCompletionClient:
    """A client of the model that `name` means; nothing is loaded or connected before its first call.

    Args:
        name: "openai/NAME" or "local/NAME" (also "local//path/to/model.gguf").
        options: passed to the client, e.g. ``base_url``.
    """
    provider, model = check_name(name)
    return PROVIDERS[provider](model, options)
