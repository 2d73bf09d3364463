"""`OpenAIChatCompletionClient`: any server that speaks OpenAI's chat completions, on the `openai` SDK.

The SDK is imported at the first call: it costs most of a second, and a notebook that replays needs none.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr

from ..cancellation import CancellationToken
from ..component import Component
from ..errors import ConfigurationError
from .client import ChatCompletionClient
from .complete_answer import check_complete
from .faults import Server
from .keys import learn, required_key
from .linked import linked, linked_items
from .messages import CreateResult, LLMMessage, RequestUsage
from .model_info import ModelFamily, ModelInfo, validate_model_info
from .offered import OfferedTool, ToolChoice
from .openai_answer import Answer
from .openai_config import OpenAIClientConfig, not_default
from .openai_messages import WireFormat
from .openai_models import UNKNOWN_MODEL_INFO, context_of, info_of
from .openai_tools import WireTools
from .request import check_supported
from .retrying import RetryPolicy
from .sdk_connection import CONNECT_WITHIN, SDKConnection
from .sdk_errors import translated_errors
from .strict_schema import response_format

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["UNKNOWN_MODEL_INFO", "OpenAIChatCompletionClient"]


class OpenAIChatCompletionClient(ChatCompletionClient, Component[OpenAIClientConfig]):
    """Asks a model through OpenAI's chat completions protocol.

    Args:
        model: the model's name as the server knows it.
        api_key: the key; None takes it from OPENAI_API_KEY, the keyring or a .env file, see `nbagents.models.keys`.
        base_url: the server, for one that is not OpenAI's; None takes OPENAI_BASE_URL, else OpenAI's.
        organization: whose account pays, where a key belongs to several.
        model_info: what the model can do; known for OpenAI's, else what its name says, else a current chat model.
        timeout: seconds to wait for the next bytes of an answer; a server that accepts no connection within 10 s is
            not there.
        max_retries: how often a request that failed is repeated while nothing of an answer was handed on.
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
    own_address: str | None = None
    """The provider's own server; None is the SDK's."""
    on_io_thread = True

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
        learn(self.provider, api_key or "")
        self._model_info = model_info or info_of(model)
        self._timeout, self._headers = timeout, default_headers
        self._retry = RetryPolicy(max_retries)
        self._extra = extra
        self._format = WireFormat(
            add_name_prefixes, include_name_in_message, bool(self._model_info.get("multiple_system_messages"))
        )
        self._usage = RequestUsage()
        self._connection = SDKConnection(self._sdk_client)

    @property
    def billed_by(self) -> str:
        address = self._address() if self.provider == "openai" else None
        return (urlsplit(address).hostname if address else None) or self.provider

    @property
    def answer_limit(self) -> int | None:
        return self._extra.get("max_completion_tokens") or self._extra.get("max_tokens")

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
        request.pop("stream_options", None)

        async def ask() -> CreateResult:
            answer = Answer()
            with translated_errors("openai", self._server):
                sdk = await linked(self._connected(), cancellation_token)
                whole = await linked(sdk.chat.completions.create(stream=False, **request), cancellation_token)
                for _ in answer.add(whole):
                    pass  # in one piece there is nothing to show
            return self._complete(answer, offered)

        return await self._retry.whole(ask, cancellation_token)

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
        request.setdefault("stream_options", {"include_usage": True})

        async def ask() -> AsyncGenerator[str | CreateResult, None]:
            answer = Answer()
            with translated_errors("openai", self._server):
                sdk = await linked(self._connected(), cancellation_token)
                asking = sdk.chat.completions.create(stream=True, **request)
                async with await linked(asking, cancellation_token) as stream:
                    async for chunk in linked_items(aiter(stream), cancellation_token):
                        for text in answer.add(chunk):
                            yield text
            for text in answer.end():
                yield text
            yield self._complete(answer, offered)

        async with aclosing(self._retry.streamed(ask, cancellation_token)) as parts:
            async for part in parts:
                yield part

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

    def _complete(self, answer: Answer, offered: WireTools) -> CreateResult:
        """The whole answer.

        Raises:
            ModelResponseError: it is not whole.
        """
        self._usage += answer.usage
        # Servers of open models leave it to the reader to tell thought from answer.
        thinks_aloud = self._model_info["family"] in (ModelFamily.R1, ModelFamily.UNKNOWN)
        result = answer.result(offered, thinks_aloud=thinks_aloud)
        check_complete(self._server, answer.finish_reason, answer.text, answer.empty or not result.content)
        return result

    async def close(self) -> None:
        await self._connection.close()

    async def _connected(self) -> AsyncOpenAI:
        """The SDK's client."""
        return await self._connection.sdk()

    @property
    def _server(self) -> Server:
        """Who is asked, as errors say it."""
        return Server(self.provider, self.model, self._address() or "OpenAI")

    def _address(self) -> str | None:
        """The server that is asked; None for the SDK's own."""
        return self._base_url or os.environ.get("OPENAI_BASE_URL") or None

    def _sdk_client(self) -> AsyncOpenAI:
        """Make the SDK's client; everything slow is done here: imports, and asking a keyring."""
        try:
            import httpx2
            from openai import AsyncOpenAI
        except ImportError as error:
            raise ConfigurationError(
                f'{self.provider}/... models need the openai package: pip install "nbagents[openai]"'
            ) from error
        return AsyncOpenAI(
            api_key=self._api_key or self._key(),
            base_url=self._address(),
            organization=self._organization,
            timeout=httpx2.Timeout(self._timeout, connect=min(CONNECT_WITHIN, self._timeout or CONNECT_WITHIN)),
            max_retries=0,
            default_headers=self._headers,
        )

    def _key(self) -> str:
        own = self._address() == self.own_address
        # A server of one's own mostly needs none, but the SDK wants one.
        return required_key(self.provider, own_server=own, default="" if own else "none")

    def _said(self) -> dict[str, Any]:
        """The arguments that are not at their defaults."""
        return not_default(
            {
                "api_key": SecretStr(self._api_key) if self._api_key is not None else None,
                "base_url": self._base_url,
                "organization": self._organization,
                "model_info": dict(self._model_info) if self._model_info != info_of(self.model) else None,
                "timeout": self._timeout,
                "max_retries": self._retry.retries,
                "add_name_prefixes": self._format.name_prefixes,
                "include_name_in_message": self._format.names,
                "default_headers": dict(self._headers) if self._headers is not None else None,
                **self._extra,
            },
        )

    def _to_config(self) -> OpenAIClientConfig:
        return OpenAIClientConfig(model=self.model, **self._said())

    @classmethod
    def _from_config(cls, config: OpenAIClientConfig) -> Self:
        return cls(**config.arguments())
