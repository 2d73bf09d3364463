"""`AnthropicChatCompletionClient`: Anthropic's models, on the `anthropic` SDK, which is imported at the first call.

It costs some 1.7 s of CPU to import. Retries are ours, as with every provider (`retrying.py`).
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr

from ..cancellation import CancellationToken
from ..component import Component
from ..errors import ConfigurationError
from .anthropic_answer import AnthropicAnswer
from .anthropic_config import AnthropicClientConfig
from .anthropic_messages import calls_in, system_of, turns_of
from .anthropic_models import CONTEXT, answer_of, info_of
from .anthropic_tools import AnthropicTools
from .client import ChatCompletionClient
from .complete_answer import check_complete
from .faults import Server
from .guarded_http import sdk_options
from .key_trust import KeySources, key_sources
from .keys import checked_key, learn, required_key
from .linked import linked, linked_items
from .messages import AssistantMessage, CreateResult, LLMMessage, RequestUsage
from .model_info import ModelCapabilities, ModelInfo, said_info
from .offered import OfferedTool, ToolChoice
from .openai_config import not_default, without_secret_headers
from .request import check_supported
from .retrying import RetryPolicy
from .sdk_connection import SDKConnection
from .sdk_errors import translated_errors
from .token_estimate import estimate_tokens

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

BYTES_PER_TOKEN = 3.2
"""Its tokens are shorter than OpenAI's."""
_SAMPLING = ("temperature", "top_p", "top_k")
"""Arguments that models still take and the SDK has no name for."""
_THOUGHTS_KEPT = 1024


class AnthropicChatCompletionClient(ChatCompletionClient, Component[AnthropicClientConfig]):
    """Asks a model of Anthropic's.

    Args:
        model: the model's name, e.g. ``claude-sonnet-5``.
        api_key: the key; None takes it from ANTHROPIC_API_KEY, the keyring or a .env file, see `nbagents.models.keys`.
        base_url: the server, for one that is not Anthropic's; None takes ANTHROPIC_BASE_URL, else Anthropic's.
        max_tokens: tokens that an answer may have; None: 8192, of an old model what it can.
        model_info: what the model can do, where its name does not say it.
        model_capabilities: AutoGen's older form of it.
        timeout: seconds to wait for the next bytes of an answer.
        max_retries: how often a request that failed is repeated while nothing of an answer was handed on.
        add_name_prefixes: write "NAME said:" before what others say; the API has no field for who speaks.
        default_headers: sent with every request.
        extra: arguments sent with every request, e.g. ``temperature``, ``stop_sequences``, ``parallel_tool_calls`` or
            ``thinking={"type": "enabled", "budget_tokens": 2048}``.

    Raises:
        ConfigurationError: the `anthropic` package is not installed (at the first call).
        ValueError: `model_info` lacks a field, or is said twice.
    """

    component_config_schema = AnthropicClientConfig
    provider = "anthropic"
    on_io_thread = True
    _address_from_json = False

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        max_tokens: int | None = None,
        model_info: ModelInfo | None = None,
        model_capabilities: ModelCapabilities | None = None,
        timeout: float | None = 600.0,
        max_retries: int = 2,
        add_name_prefixes: bool = False,
        default_headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        learn(self.provider, api_key or "")
        self.model = model
        self._api_key, self._base_url, self._max_tokens = api_key, base_url, max_tokens
        self._model_info = said_info(model_info, model_capabilities) or info_of(model)
        self._timeout, self._headers, self._name_prefixes = timeout, default_headers, add_name_prefixes
        self._retry = RetryPolicy(max_retries)
        self._extra = extra
        self._usage = RequestUsage()
        self._thoughts: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()
        self._connection = SDKConnection(self._sdk_client)

    @property
    def billed_by(self) -> str:
        return (urlsplit(address).hostname if (address := self._address()) else None) or self.provider

    @property
    def answer_limit(self) -> int:
        return self._max_tokens or answer_of(self.model)

    @property
    def model_info(self) -> ModelInfo:
        return self._model_info

    def total_usage(self) -> RequestUsage:
        return self._usage

    def count_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[OfferedTool] = ()) -> int:
        # Anthropic's own count is a request; this must not wait.
        return estimate_tokens(messages, tools, bytes_per_token=BYTES_PER_TOKEN, per_image=1600)

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
        offered, request = self._request(messages, tools, tool_choice, json_output, extra_create_args)

        async def ask() -> CreateResult:
            answer = AnthropicAnswer(offered)
            with translated_errors("anthropic", self._server):
                sdk = await linked(self._connection.sdk(), cancellation_token)
                answer.add_whole(await linked(sdk.messages.create(stream=False, **request), cancellation_token))
            return self._complete(answer)

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
    ) -> AsyncGenerator[str | CreateResult, None]:
        """As `ChatCompletionClient.create_stream`.

        Args:
            max_consecutive_empty_chunk_tolerance: AutoGen's; empty chunks never end a stream here.
        """
        offered, request = self._request(messages, tools, tool_choice, json_output, extra_create_args)

        async def ask() -> AsyncGenerator[str | CreateResult, None]:
            answer = AnthropicAnswer(offered)
            with translated_errors("anthropic", self._server):
                sdk = await linked(self._connection.sdk(), cancellation_token)
                asking = sdk.messages.create(stream=True, **request)
                async with await linked(asking, cancellation_token) as stream:
                    async for event in linked_items(aiter(stream), cancellation_token):
                        for text in answer.add(event):
                            yield text
            for text in answer.end():
                yield text
            yield self._complete(answer)

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
    ) -> tuple[AnthropicTools, dict[str, Any]]:
        """The tools as the API knows them, and the request's arguments."""
        check_supported(self._model_info, messages, tools, json_output)
        extra = {**self._extra, **(extra_create_args or {})}
        parallel, thinks = extra.pop("parallel_tool_calls", None), self._thinks(messages, extra)
        offered = AnthropicTools(
            tools, tool_choice, json_output, thinks=thinks, earlier=calls_in(messages), parallel=parallel
        )
        body = {name: extra.pop(name) for name in _SAMPLING if name in extra}
        system = "\n".join(filter(None, [system_of(messages), offered.told]))
        request: dict[str, Any] = {
            "model": self.model,
            "max_tokens": self.answer_limit,
            "messages": turns_of(messages, self._thoughts, self._name_prefixes),
            **({"system": system} if system else {}),
            **offered.arguments(),
            **extra,
        }
        return offered, request | ({"extra_body": {**extra.get("extra_body", {}), **body}} if body else {})

    def _thinks(self, messages: Sequence[LLMMessage], extra: dict[str, Any]) -> bool:
        """Whether the model may think. Takes `thinking` out of the request where the API would refuse it.

        A model that may think must be shown its signed thought before the calls whose results it is given; they are
        not in messages, so those of another client, or of a run that was resumed, are not there.
        """
        kind = (extra.get("thinking") or {}).get("type")
        last = next((message for message in reversed(messages) if isinstance(message, AssistantMessage)), None)
        calls = last.content if last is not None and not isinstance(last.content, str) else []
        if kind == "enabled" and calls and not any(call.id in self._thoughts for call in calls):
            del extra["thinking"]
            return False
        return kind in ("enabled", "adaptive")

    def _complete(self, answer: AnthropicAnswer) -> CreateResult:
        """The whole answer.

        Raises:
            ModelResponseError: it is not whole.
        """
        self._usage += answer.usage
        finish_reason = answer.finish_reason if answer.ended else None
        check_complete(self._server, finish_reason, answer.text, answer.empty)
        result = answer.result()
        if answer.thoughts and not isinstance(result.content, str):
            for call in result.content:
                self._thoughts[call.id] = answer.thoughts
            while len(self._thoughts) > _THOUGHTS_KEPT:
                self._thoughts.popitem(last=False)
        return result

    async def close(self) -> None:
        await self._connection.close()

    @property
    def _server(self) -> Server:
        withheld = not self._api_key and self._sources() == "none"
        return Server(self.provider, self.model, self._address() or "Anthropic", withheld)

    def _address(self) -> str | None:
        """The server that is asked; None for the SDK's own."""
        return self._base_url or os.environ.get("ANTHROPIC_BASE_URL") or None

    def _sdk_client(self) -> AsyncAnthropic:
        try:
            import anthropic
        except ImportError as error:
            raise ConfigurationError(
                'anthropic/... models need the anthropic package: pip install "nbagents[anthropic]"'
            ) from error
        return anthropic.AsyncAnthropic(
            api_key=checked_key(self.provider, self._api_key or self._key()),
            base_url=self._address(),
            default_headers=self._headers,
            **sdk_options(anthropic, self._server, self._address(), self._timeout),
        )

    def _key(self) -> str:
        sources = self._sources()
        # A server of one's own mostly needs none, but the SDK wants one.
        return required_key(self.provider, sources, default="" if sources == "all" else "none")

    def _sources(self) -> KeySources:
        return key_sources(self.provider, self._address(), from_json=self._address_from_json)

    def _to_config(self) -> AnthropicClientConfig:
        said = not_default(
            {
                "api_key": SecretStr(self._api_key) if self._api_key is not None else None,
                "base_url": self._base_url,
                "max_tokens": self._max_tokens,
                "model_info": dict(self._model_info) if self._model_info != info_of(self.model) else None,
                "timeout": self._timeout,
                "max_retries": self._retry.retries,
                "add_name_prefixes": self._name_prefixes,
                "default_headers": without_secret_headers(self._headers),
                **self._extra,
            }
        )
        return AnthropicClientConfig(model=self.model, **said)

    @classmethod
    def _from_config(cls, config: AnthropicClientConfig) -> Self:
        client = cls(**config.arguments())
        client._address_from_json = config.names_a_server
        return client
