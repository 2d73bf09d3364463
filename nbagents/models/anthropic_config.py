"""`AnthropicChatCompletionClient` as a component: the fields are AutoGen's, and any further argument of a request."""

from __future__ import annotations

from typing import Any

from .openai_config import OpenAIClientConfig


class AnthropicClientConfig(OpenAIClientConfig):
    """Where the model is and how it is asked; what is not said is as the client's defaults have it."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    metadata: dict[str, str] | None = None
    thinking: dict[str, Any] | None = None
