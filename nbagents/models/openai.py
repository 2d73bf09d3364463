"""`OpenAIChatCompletionClient`: any server that speaks OpenAI's chat completions, on the `openai` SDK.

The SDK is imported at the first call: it costs most of a second, and a notebook that replays needs none.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, SecretStr

from ..cancellation import CancellationToken
from ..component import Component
from ..errors import ConfigurationError, ModelAuthenticationError, ModelResponseError
from .client import ChatCompletionClient
from .linked import linked, linked_items
from .messages import CreateResult, LLMMessage, RequestUsage
from .model_info import ModelFamily, ModelInfo, validate_model_info
from .offered import OfferedTool, ToolChoice
from .openai_answer import Answer
from .openai_config import OpenAIClientConfig, not_default
from .openai_errors import translated_errors
from .openai_messages import WireFormat
from .openai_models import UNKNOWN_MODEL_INFO, context_of, info_of
from .openai_tools import WireTools
from .request import check_supported
from .strict_schema import response_format

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["UNKNOWN_MODEL_INFO", "OpenAIChatCompletionClient"]


class OpenAIChatCompletionClient(ChatCompletionClient, Component[OpenAIClientConfig]):
    """Asks a model through OpenAI's chat completions protocol.

    Args:
        model: the model's name as the server knows it.
        api_key: the key; None takes it from the environment variable OPENAI_API_KEY.
        base_url: the server, for one that is not OpenAI's; None takes OPENAI_BASE_URL, else OpenAI's.
        organization: whose account pays, where a key belongs to several.
        model_info: what the model can do; known for OpenAI's, else a current chat model without eyes is assumed.
        timeout: seconds to wait for the next bytes of an answer.
        max_retries: how often the SDK repeats a request that failed before any answer came.
        add_name_prefixes: write "NAME said:" before what others say, for models that know no names.
        include_name_in_message: send who speaks in the field for it; False for servers that refuse it.
        default_headers: sent with every request.
        extra: arguments sent with every request, e.g. ``temperature`` or ``parallel_tool_calls``.

    Raises:
        ConfigurationError: the `openai` package is not installed (at the first call).
        ValueError: `model_info` lacks a field.
    """

    component_config_schema = OpenAIClientConfig
    provider = "openai"

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        organization: str | None = None,
        model_info: ModelInfo | None = None,
        timeout: float | None = 600.0,
        max_retries: int = 2,
        add_name_prefixes: bool = False,
        include_name_in_message: bool = True,
        default_headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        if model_info is not None:
            validate_model_info(model_info)
        self.model = model
        self._api_key, self._base_url, self._organization = api_key, base_url, organization
        self._model_info = model_info or info_of(model)
        self._timeout, self._max_retries, self._headers = timeout, max_retries, default_headers
        self._extra = extra
        self._format = WireFormat(
            add_name_prefixes, include_name_in_message, bool(self._model_info.get("multiple_system_messages"))
        )
        self._usage = RequestUsage()
        self._sdk: AsyncOpenAI | None = None

    @property
    def model_info(self) -> ModelInfo:
        return self._model_info

    def total_usage(self) -> RequestUsage:
        return self._usage

    def remaining_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[OfferedTool] = ()) -> int:
        return context_of(self.model) - self.count_tokens(messages, tools=tools)

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
        offered, request = self._request(messages, tools, tool_choice, json_output, extra_create_args)
        answer = Answer()
        with translated_errors(self.provider, self.model, self._base_url):
            sdk = await linked(self._connected(), cancellation_token)
            whole = await linked(sdk.chat.completions.create(stream=False, **request), cancellation_token)
            for _ in answer.add(whole):
                pass  # in one piece there is nothing to show
        return self._complete(answer, offered)

    async def create_stream(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[OfferedTool] = (),
        tool_choice: ToolChoice = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> AsyncGenerator[str | CreateResult, None]:
        offered, request = self._request(messages, tools, tool_choice, json_output, extra_create_args)
        answer = Answer()
        with translated_errors(self.provider, self.model, self._base_url):
            sdk = await linked(self._connected(), cancellation_token)
            asking = sdk.chat.completions.create(stream=True, stream_options={"include_usage": True}, **request)
            async with await linked(asking, cancellation_token) as stream:
                async for chunk in linked_items(aiter(stream), cancellation_token):
                    for text in answer.add(chunk):
                        yield text
        yield self._complete(answer, offered)

    def _request(
        self,
        messages: Sequence[LLMMessage],
        tools: Sequence[OfferedTool],
        tool_choice: ToolChoice,
        json_output: bool | type[BaseModel] | None,
        extra_create_args: Mapping[str, Any] | None,
    ) -> tuple[WireTools, dict[str, Any]]:
        """The tools as the server knows them, and the request's arguments."""
        check_supported(self._model_info, messages, tools, json_output)
        offered = WireTools(tools, tool_choice)
        request = {
            "model": self.model,
            "messages": self._format.messages(messages),
            **offered.arguments(),
            **response_format(json_output),
            **self._extra,
            **(extra_create_args or {}),
        }
        if not tools:
            request.pop("parallel_tool_calls", None)  # refused by OpenAI where there is nothing to call
        return offered, request

    async def close(self) -> None:
        if self._sdk is not None:
            await self._sdk.close()

    def _to_config(self) -> OpenAIClientConfig:
        said = not_default(
            {
                "api_key": SecretStr(self._api_key) if self._api_key is not None else None,
                "base_url": self._base_url,
                "organization": self._organization,
                "model_info": dict(self._model_info) if self._model_info != info_of(self.model) else None,
                "timeout": self._timeout,
                "max_retries": self._max_retries,
                "add_name_prefixes": self._format.name_prefixes,
                "include_name_in_message": self._format.names,
                "default_headers": dict(self._headers) if self._headers is not None else None,
            },
        )
        return OpenAIClientConfig(model=self.model, **said, **self._extra)

    @classmethod
    def _from_config(cls, config: OpenAIClientConfig) -> Self:
        return cls(**config.arguments())

    async def _connected(self) -> AsyncOpenAI:
        """The SDK's client, made at the first call."""
        if self._sdk is None:
            # In a thread: to import the SDK takes long enough to hold up a cell that detaches its run.
            made = await asyncio.to_thread(self._sdk_client)
            self._sdk = self._sdk or made  # type: ignore[redundant-expr]  # a call made meanwhile may have been first
        return self._sdk

    def _complete(self, answer: Answer, offered: WireTools) -> CreateResult:
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
        return answer.result(offered, thinks_aloud=self._model_info["family"] == ModelFamily.R1)

    def _sdk_client(self) -> AsyncOpenAI:
        try:
            from openai import AsyncOpenAI, OpenAIError
        except ImportError as error:
            raise ConfigurationError(
                'openai/... models need the openai package: pip install "nbagents[openai]"'
            ) from error
        try:
            return AsyncOpenAI(
                api_key=self._api_key,
                base_url=self._base_url,
                organization=self._organization,
                timeout=self._timeout,
                max_retries=self._max_retries,
                default_headers=self._headers,
            )
        except OpenAIError:
            # Without its __cause__: the SDK's text tells to put the key into code.
            raise ModelAuthenticationError(
                "no key for openai: set the environment variable OPENAI_API_KEY (never write a key into a cell)",
                provider="openai",
            ) from None
