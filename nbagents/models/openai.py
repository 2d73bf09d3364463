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
from .guarded_http import sdk_options
from .key_trust import KeySources, key_sources
from .keys import checked_key, learn, required_key
from .linked import linked, linked_items
from .messages import CreateResult, LLMMessage, RequestUsage
from .model_info import ModelCapabilities, ModelFamily, ModelInfo, said_info
from .offered import OfferedTool, ToolChoice
from .openai_answer import Answer
from .openai_config import OpenAIClientConfig, not_default, without_secret_headers
from .openai_messages import WireFormat
from .openai_models import UNKNOWN_MODEL_INFO, context_of, elsewhere, info_of
from .openai_tools import WireTools
from .request import check_supported
from .retrying import RetryPolicy
from .sdk_connection import SDKConnection
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
        base_url: the server, for one that is not OpenAI's; None takes OPENAI_BASE_URL, else that of the provider whose
            model it is (gemini-..., claude-..., Llama-..., with its own key), else OpenAI's.
        organization: whose account pays, where a key belongs to several.
        model_info: what the model can do; known for OpenAI's, else what its name says, else a current chat model.
        model_capabilities: AutoGen's older form of it.
        timeout: seconds to wait for the next bytes of an answer; a server that accepts no connection within 10 s is
            not there.
        max_retries: how often a request that failed is repeated while nothing of an answer was handed on.
        add_name_prefixes: write "NAME said:" before what others say, for models that know no names.
        include_name_in_message: send who speaks in the field for it; False for servers that refuse it. None: of
            Mistral's models False, else True.
        default_headers: sent with every request.
        extra: arguments sent with every request, e.g. ``temperature`` or ``parallel_tool_calls``.

    Raises:
        ConfigurationError: the `openai` package is not installed (at the first call).
        ValueError: `model_info` lacks a field, or is said twice.
    """

    component_config_schema = OpenAIClientConfig
    provider = "openai"
    _address_from_json = False
    on_io_thread = True

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        organization: str | None = None,
        model_info: ModelInfo | None = None,
        model_capabilities: ModelCapabilities | None = None,
        timeout: float | None = 600.0,
        max_retries: int = 2,
        add_name_prefixes: bool = False,
        include_name_in_message: bool | None = None,
        default_headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        self.model = model
        self._api_key, self._base_url, self._organization = api_key, base_url, organization
        learn(self.provider, api_key or "")
        self._model_info = said_info(model_info, model_capabilities) or info_of(model)
        self._timeout, self._headers = timeout, default_headers
        self._retry = RetryPolicy(max_retries)
        self._extra = extra
        self._names = include_name_in_message
        self._format = WireFormat.of(self._model_info, name_prefixes=add_name_prefixes, names=include_name_in_message)
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
        max_consecutive_empty_chunk_tolerance: int = 0,
        include_usage: bool | None = None,
    ) -> AsyncGenerator[str | CreateResult, None]:
        """As `ChatCompletionClient.create_stream`.

        Args:
            max_consecutive_empty_chunk_tolerance: AutoGen's; empty chunks never end a stream here.
            include_usage: False for a server that refuses to be asked for its count of tokens.
        """
        offered, request = self._request(messages, tools, tool_choice, json_output, extra_create_args)
        if include_usage is not False:
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
            **self._extra,
            **(extra_create_args or {}),
        }
        asked = request.get("response_format")  # for every request; a class, as AutoGen takes it, or the server's own
        if json_output or isinstance(asked, type):
            request.update(response_format(json_output or asked))
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
        withheld = not self._api_key and self._sources() == "none"
        return Server(self.provider, self.model, self._address() or "OpenAI", withheld)

    def _address(self) -> str | None:
        """The server that is asked; None for the SDK's own."""
        said = self._base_url or os.environ.get("OPENAI_BASE_URL")
        return said or (place.address if (place := elsewhere(self.model)) else None)

    def _key_of(self) -> str:
        """Whose key is sent."""
        place = elsewhere(self.model) if self.provider == "openai" else None
        return place.key_of if place is not None and place.address == self._address() else self.provider

    def _sdk_client(self) -> AsyncOpenAI:
        """Make the SDK's client; everything slow is done here: imports, and asking a keyring."""
        try:
            import openai
        except ImportError as error:
            raise ConfigurationError(
                f'{self.provider}/... models need the openai package: pip install "nbagents[openai]"'
            ) from error
        return openai.AsyncOpenAI(
            api_key=checked_key(self.provider, self._api_key or self._key()),
            base_url=self._address(),
            organization=self._organization,
            default_headers=self._headers,
            **sdk_options(openai, self._server, self._address(), self._timeout),
        )

    def _key(self) -> str:
        sources = self._sources()
        # A server of one's own mostly needs none, but the SDK wants one.
        return required_key(self._key_of(), sources, default="" if sources == "all" else "none")

    def _sources(self) -> KeySources:
        return key_sources(self._key_of(), self._address(), from_json=self._address_from_json)

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
                "include_name_in_message": self._names,
                "default_headers": without_secret_headers(self._headers),
                **self._extra,
            },
        )

    def _to_config(self) -> OpenAIClientConfig:
        return OpenAIClientConfig(model=self.model, **self._said())

    @classmethod
    def _from_config(cls, config: OpenAIClientConfig) -> Self:
        client = cls(**config.arguments())
        client._address_from_json = config.names_a_server
        return client

    @classmethod
    def create_from_config(cls, config: dict[str, Any]) -> ChatCompletionClient:
        """AutoGen's: a client with these arguments."""
        return cls(**config)
