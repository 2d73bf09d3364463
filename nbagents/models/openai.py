"""`OpenAIChatCompletionClient`: any server that speaks OpenAI's chat completions, on the `openai` SDK.

The SDK is imported at the first call: it costs most of a second, and a notebook that replays needs none.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from ..cancellation import CancellationToken
from ..errors import ConfigurationError, ModelAuthenticationError, ModelError, ModelResponseError
from .client import ChatCompletionClient, ModelInfo
from .messages import (
    CreateResult,
    FinishReasons,
    FunctionCall,
    FunctionExecutionResultMessage,
    LLMMessage,
    RequestUsage,
    SystemMessage,
    UserMessage,
)
from .openai_errors import translated_errors

if TYPE_CHECKING:
    from openai import AsyncOpenAI

FINISH_REASONS: dict[str, FinishReasons] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "function_calls",
    "function_call": "function_calls",
    "content_filter": "content_filter",
}

UNKNOWN_MODEL_INFO = ModelInfo(
    vision=False,
    function_calling=True,
    json_output=True,
    structured_output=True,
    family="unknown",
    multiple_system_messages=True,
)
"""What is assumed of a model that nobody described: a current chat model without eyes."""


class OpenAIChatCompletionClient(ChatCompletionClient):
    """Asks a model through OpenAI's chat completions protocol.

    Args:
        model: the model's name as the server knows it.
        api_key: the key; None takes it from the environment variable OPENAI_API_KEY.
        base_url: the server, for one that is not OpenAI's; None takes OPENAI_BASE_URL, else OpenAI's.
        model_info: what the model can do, where the default assumption is wrong.
        timeout: seconds to wait for the next bytes of an answer.
        max_retries: how often the SDK repeats a request that failed before any answer came.
        extra: arguments sent with every request, e.g. ``temperature``.

    Raises:
        ConfigurationError: the `openai` package is not installed (at the first call).
    """

    provider = "openai"

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        model_info: ModelInfo | None = None,
        timeout: float = 600.0,
        max_retries: int = 2,
        **extra: Any,
    ) -> None:
        self.model = model
        self._api_key, self._base_url = api_key, base_url
        self._model_info = model_info or UNKNOWN_MODEL_INFO
        self._timeout, self._max_retries, self._extra = timeout, max_retries, extra
        self._usage = RequestUsage()
        self._sdk: AsyncOpenAI | None = None

    @property
    def model_info(self) -> ModelInfo:
        return self._model_info

    def total_usage(self) -> RequestUsage:
        return self._usage

    async def create(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Any] = (),
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> CreateResult:
        result: CreateResult | None = None
        stream = self.create_stream(
            messages,
            tools=tools,
            json_output=json_output,
            extra_create_args=extra_create_args,
            cancellation_token=cancellation_token,
        )
        async for part in stream:
            if isinstance(part, CreateResult):
                result = part
        assert result is not None
        return result

    async def create_stream(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Any] = (),
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> AsyncGenerator[str | CreateResult, None]:
        request = {
            "model": self.model,
            "messages": [part for message in messages for part in to_openai(message)],
            **_response_format(json_output),
            **self._extra,
            **(extra_create_args or {}),
        }
        if tools:
            raise ModelError("tools are not supported yet by this client", provider=self.provider, model=self.model)
        answer = _Answer()
        with translated_errors(self.provider, self.model, self._base_url):
            sdk = await self._connected()
            stream = await sdk.chat.completions.create(stream=True, stream_options={"include_usage": True}, **request)
            async with stream:
                async for chunk in stream:
                    if text := answer.add(chunk):
                        yield text
        yield self._complete(answer)

    async def close(self) -> None:
        if self._sdk is not None:
            await self._sdk.close()

    async def _connected(self) -> AsyncOpenAI:
        """The SDK's client, made at the first call."""
        if self._sdk is None:
            # In a thread: to import the SDK takes long enough to hold up a cell that detaches its run.
            made = await asyncio.to_thread(_sdk_client, self._api_key, self._base_url, self._timeout, self._max_retries)
            self._sdk = self._sdk or made  # type: ignore[redundant-expr]  # a call made meanwhile may have been first
        return self._sdk

    def _complete(self, answer: _Answer) -> CreateResult:
        """The whole answer; a stream that just ends is not one.

        Raises:
            ModelResponseError: the stream ended without saying why.
        """
        if answer.finish_reason is None:
            raise ModelResponseError(
                f"{self.provider}/{self.model} broke off its answer after {len(answer.text)} characters "
                "without saying that it was complete: run it again",
                provider=self.provider,
                model=self.model,
            )
        self._usage += answer.usage
        return CreateResult(
            finish_reason=FINISH_REASONS.get(answer.finish_reason, "unknown"),
            content=answer.text,
            usage=answer.usage,
            thought=answer.thought or None,
            model=answer.model,
        )


class _Answer:
    """What came of a stream so far."""

    def __init__(self) -> None:
        self.text = self.thought = self.model = ""
        self.finish_reason: str | None = None
        self.usage = RequestUsage()

    def add(self, chunk: Any) -> str:
        """Take one chunk in; returns the text that it adds."""
        self.model = chunk.model or self.model
        if chunk.usage is not None:
            self.usage = RequestUsage(
                prompt_tokens=chunk.usage.prompt_tokens, completion_tokens=chunk.usage.completion_tokens
            )
        if not chunk.choices:
            return ""
        choice = chunk.choices[0]
        self.finish_reason = choice.finish_reason or self.finish_reason
        # Servers of reasoning models send the thought beside the text, under this name.
        self.thought += getattr(choice.delta, "reasoning_content", None) or ""
        text: str = choice.delta.content or ""
        self.text += text
        return text


def to_openai(message: LLMMessage) -> list[dict[str, Any]]:
    """The message in the shape of OpenAI's chat completions: one for most, one per result for tool results."""
    if isinstance(message, SystemMessage):
        return [{"role": "system", "content": message.content}]
    if isinstance(message, UserMessage):
        return [{"role": "user", "content": message.content}]
    if isinstance(message, FunctionExecutionResultMessage):
        return [
            {"role": "tool", "tool_call_id": result.call_id, "content": result.content} for result in message.content
        ]
    if isinstance(message.content, str):
        return [{"role": "assistant", "content": message.content}]
    return [{"role": "assistant", "content": None, "tool_calls": [_tool_call(call) for call in message.content]}]


def _tool_call(call: FunctionCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _response_format(json_output: bool | type[BaseModel] | None) -> dict[str, Any]:
    if not json_output:
        return {}
    if json_output is True:
        return {"response_format": {"type": "json_object"}}
    schema = {"name": json_output.__name__, "schema": json_output.model_json_schema()}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _sdk_client(api_key: str | None, base_url: str | None, timeout: float, max_retries: int) -> AsyncOpenAI:
    try:
        from openai import AsyncOpenAI, OpenAIError
    except ImportError as error:
        raise ConfigurationError('openai/... models need the openai package: pip install "nbagents[openai]"') from error
    try:
        return AsyncOpenAI(api_key=api_key, base_url=base_url, timeout=timeout, max_retries=max_retries)
    except OpenAIError:
        # Without its __cause__: the SDK's text tells to put the key into code.
        raise ModelAuthenticationError(
            "no key for openai: set the environment variable OPENAI_API_KEY (never write a key into a cell)",
            provider="openai",
        ) from None
