"""`OpenRouterChatCompletionClient`: the models of many providers behind one address that speaks OpenAI's protocol."""

from __future__ import annotations

from .openai import OpenAIChatCompletionClient

URL = "https://openrouter.ai/api/v1"


class OpenRouterChatCompletionClient(OpenAIChatCompletionClient):
    """Asks a model of openrouter.ai, named as there: ``anthropic/claude-sonnet-5``.

    Takes what `OpenAIChatCompletionClient` takes; the key is OPENROUTER_API_KEY's.
    """

    provider = "openrouter"

    def _address(self) -> str:
        return self._base_url or URL
