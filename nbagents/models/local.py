"""`LocalChatCompletionClient`: a GGUF model on this machine, in the engine of ``local/`` names.

The engine is a llama.cpp server in a child process on loopback; what it is asked and how it answers is OpenAI's
protocol, so this client only makes sure that the engine is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ModelEngineError
from .model_info import ModelInfo
from .openai import OpenAIChatCompletionClient

if TYPE_CHECKING:
    from openai import AsyncOpenAI

LOCAL_MODEL_INFO = ModelInfo(
    vision=False,
    function_calling=False,
    json_output=True,
    structured_output=True,
    family="unknown",
    multiple_system_messages=False,
)


LONGEST_ANSWER = 1024
"""Tokens of one answer, unless told otherwise."""


class LocalChatCompletionClient(OpenAIChatCompletionClient):
    """Asks a model whose weights are on this machine.

    Args:
        model: a name of the catalogue (``nbagents model list``) or the path of a GGUF file.
        extra: arguments sent with every request, e.g. ``temperature`` (default 0) or ``max_tokens`` (default 1024).

    Raises:
        ModelNotFound: the weights are not here; says how to get them (at the first call).
        ModelEngineError: the engine does not start (at the first call).
    """

    provider = "local"

    def __init__(self, model: str, **extra: Any) -> None:
        extra.setdefault("temperature", 0)
        # A small model that begins to repeat itself does not end by itself.
        extra.setdefault("max_tokens", LONGEST_ANSWER)
        super().__init__(model, model_info=LOCAL_MODEL_INFO, **extra)

    async def _connected(self) -> AsyncOpenAI:
        from . import engine, weights

        running = await engine.shared(weights.find(self.model))
        if not running.alive:
            raise ModelEngineError(
                f"the engine of local/{self.model} has died: run the cell again to start a new one",
                provider=self.provider,
                model=self.model,
            )
        if self._base_url != running.base_url:
            await self.close()
            self._sdk = None
            self._base_url, self._api_key = running.base_url, running.api_key
        return await super()._connected()
