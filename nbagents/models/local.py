"""`LocalChatCompletionClient`: a GGUF model on this machine, in the engine of ``local/`` names.

The engine is a llama.cpp server in a child process on loopback; what it is asked and how it answers is OpenAI's
protocol, so this client only makes sure that the engine is there, and that tools are called in a form that small
models manage (``json_tools.py``).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Self

from pydantic import BaseModel

from ..cancellation import CancellationToken
from ..errors import ModelEngineError, ModelResponseError
from .complete_answer import result_of
from .json_tools import JsonTools, told_as_text
from .messages import CreateResult, LLMMessage
from .model_info import ModelInfo
from .notices import FailedAttempt, tell
from .offered import OfferedTool, ToolChoice
from .openai import OpenAIChatCompletionClient
from .openai_config import OpenAIClientConfig
from .request import asked_with

LOCAL_MODEL_INFO = ModelInfo(
    vision=False,
    function_calling=True,
    json_output=True,
    structured_output=True,
    family="unknown",
    multiple_system_messages=False,
)


CONTEXT = 8192
"""Tokens that one request may use, prompt and answer together: what the engine is started with."""
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
        # The same question has the same answer here; and it took the user half a minute.
        extra.setdefault("max_retries", 0)
        super().__init__(model, model_info=LOCAL_MODEL_INFO, include_name_in_message=False, **extra)

    def remaining_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[OfferedTool] = ()) -> int:
        return CONTEXT - self.count_tokens(messages, tools=tools)

    async def create(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[OfferedTool] = (),
        tool_choice: ToolChoice = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> CreateResult:
        # As a stream also where nobody watches: the engine notices at its next token that nobody listens any more.
        asked = asked_with(tools, tool_choice, json_output, extra_create_args, cancellation_token)
        return await result_of(self.create_stream(messages, **asked))

    async def create_stream(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[OfferedTool] = (),
        tool_choice: ToolChoice = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        max_consecutive_empty_chunk_tolerance: int = 0,
        include_usage: bool | None = None,
    ) -> AsyncGenerator[str | CreateResult, None]:
        """As the base class says; tools are called one at a time.

        Raises:
            ModelResponseError: the model's reply is neither a call nor an answer.
        """
        protocol = None if not tools or tool_choice == "none" else JsonTools(tools, tool_choice, json_output)
        if protocol is None:
            asked, extra, output = told_as_text(messages), extra_create_args, json_output
        else:
            asked, output = protocol.messages(messages), None
            extra = {**(extra_create_args or {}), **protocol.response_format()}
        answer = super().create_stream(
            asked,
            json_output=output,
            extra_create_args=extra,
            cancellation_token=cancellation_token,
            include_usage=include_usage,
        )
        async with aclosing(answer):
            async for part in answer:
                if protocol is None:
                    yield part
                elif isinstance(part, CreateResult):
                    yield self._read(protocol, part)
                else:
                    for piece in protocol.add(part):
                        if isinstance(piece, str):
                            yield piece
                        else:
                            tell(piece)

    def _read(self, protocol: JsonTools, said: CreateResult) -> CreateResult:
        """The reply as a call or an answer; of one that is neither it is told what it cost."""
        try:
            return protocol.result(said)
        except ModelResponseError:
            whose = (self.provider, self.model, said.model, self.billed_by)
            tell(FailedAttempt(*whose, said.usage, estimated=False))
            raise

    def _to_config(self) -> OpenAIClientConfig:
        return OpenAIClientConfig(model=self.model, **self._extra)

    @classmethod
    def _from_config(cls, config: OpenAIClientConfig) -> Self:
        return cls(config.model, **(config.model_extra or {}))

    async def _connected(self) -> Any:
        from . import engine, weights

        running = await engine.shared(weights.find(self.model), context_length=CONTEXT)
        if not running.alive:
            raise ModelEngineError(
                f"the engine of local/{self.model} has died: run the cell again to start a new one",
                provider=self.provider,
                model=self.model,
            )
        if self._base_url != running.base_url:
            await self._connection.close()
            self._base_url, self._api_key = running.base_url, running.api_key
        return await super()._connected()
