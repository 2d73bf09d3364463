"""`OpenAIChatCompletionClient`: any server that speaks OpenAI's chat completions, on the `openai` SDK."""

from __future__ import annotations

import warnings
from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from functools import cache, partial
from typing import Any

from pydantic import BaseModel, SecretStr

from ..cancellation import CancellationToken
from .client import ChatCompletionClient
from .messages import CreateResult, LLMMessage
from .model_info import ModelCapabilities, ModelFamily, ModelInfo, said_info
from .offered import OfferedTool, ToolChoice
from .openai_answer import Answer
from .openai_config import OpenAIClientConfig
from .openai_messages import WireFormat
from .openai_models import UNKNOWN_MODEL_INFO, context_of, elsewhere, info_of
from .openai_tools import WireTools
from .request import check_supported
from .sdk_client import OF_THE_REQUEST, Asked, Question, SDKChatCompletionClient
from .strict_schema import response_format

__all__ = ["UNKNOWN_MODEL_INFO", "OpenAIChatCompletionClient"]


class OpenAIChatCompletionClient(SDKChatCompletionClient):
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
        client: the SDK's client, made by the caller, who then says in `create_args` which model it asks: this is how
            clients are made that others build on AutoGen's ``BaseOpenAIChatCompletionClient``. With it, as with an
            ``http_client``, the model is asked on the loop of the caller and not on the I/O thread.
        create_args: arguments sent with every request, as `extra`.
        extra: arguments sent with every request, e.g. ``temperature`` or ``parallel_tool_calls``; and of the SDK's
            client ``http_client``, ``default_query`` and ``project``. Others are left out, with a warning.

    Raises:
        ConfigurationError: the `openai` package is not installed (at the first call).
        ValueError: no model is named; `model_info` lacks a field, or is said twice; or an argument is each call's own
            (``messages``).
    """

    component_config_schema = OpenAIClientConfig
    provider = "openai"
    package, sdk_class, own_server = "openai", "AsyncOpenAI", "OpenAI"
    sdk_arguments = (*SDKChatCompletionClient.sdk_arguments, "project")

    def __init__(
        self,
        model: str = "",
        *,
        api_key: str | SecretStr | None = None,
        base_url: str | None = None,
        organization: str | None = None,
        model_info: ModelInfo | None = None,
        model_capabilities: ModelCapabilities | None = None,
        timeout: float | None = 600.0,
        max_retries: int = 2,
        add_name_prefixes: bool = False,
        include_name_in_message: bool | None = None,
        default_headers: Mapping[str, str] | None = None,
        client: Any = None,
        create_args: Mapping[str, Any] | None = None,
        **extra: Any,
    ) -> None:
        extra = {**(create_args or {}), **extra}
        model = model or extra.get("model", "")
        extra.pop("model", None)
        super().__init__(
            model,
            api_key=api_key,
            base_url=base_url,
            model_info=said_info(model_info, model_capabilities),
            known_info=info_of(model),
            timeout=timeout,
            max_retries=max_retries,
            add_name_prefixes=add_name_prefixes,
            default_headers=default_headers,
            extra=extra,
        )
        self._organization, self._names = organization, include_name_in_message
        self._format = WireFormat.of(self._model_info, name_prefixes=add_name_prefixes, names=include_name_in_message)
        if client is not None:
            self._client = client

    @property
    def answer_limit(self) -> int | None:
        return self._extra.get("max_completion_tokens") or self._extra.get("max_tokens")

    def remaining_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[OfferedTool] = ()) -> int:
        return context_of(self.model) - self.count_tokens(messages, tools=tools)

    def create_stream(
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
        """As `ChatCompletionClient.create_stream`; calls of tools are told as they are written (`notices.CallPiece`).

        Args:
            max_consecutive_empty_chunk_tolerance: AutoGen's; empty chunks never end a stream here.
            include_usage: False for a server that refuses to be asked for its count of tokens.

        Raises:
            ValueError: `include_usage` is not what the ``stream_options`` say.
        """
        if max_consecutive_empty_chunk_tolerance:
            warnings.warn(
                "max_consecutive_empty_chunk_tolerance is deprecated: empty chunks never end a stream",
                DeprecationWarning,
                stacklevel=2,
            )
        said = {**self._extra, **(extra_create_args or {})}.get("stream_options") or {}
        if include_usage is not None and said.get("include_usage", include_usage) != include_usage:
            raise ValueError(
                "include_usage and extra_create_args['stream_options']['include_usage'] are both set, "
                "but differ in value."
            )
        counting = {} if include_usage is False or "stream_options" in self._extra else _COUNTING
        return super().create_stream(
            messages,
            tools=tools,
            tool_choice=tool_choice,
            json_output=json_output,
            extra_create_args={**counting, **(extra_create_args or {})},
            cancellation_token=cancellation_token,
        )

    def _asked(self, question: Question) -> Asked:
        offered, extra = WireTools(question.tools, question.tool_choice), dict(question.extra)
        if not question.tools:
            extra.pop("parallel_tool_calls", None)  # refused by OpenAI where there is nothing to call
        request = {
            "model": self.model,
            "messages": self._format.messages(question.messages),
            **offered.arguments(),
            **extra,
        }
        request.update(response_format(self._form(question)))
        # Servers of open models leave it to the reader to tell thought from answer.
        thinks_aloud = self._model_info["family"] in (ModelFamily.R1, ModelFamily.UNKNOWN)
        return Asked(request, partial(Answer, offered, thinks_aloud=thinks_aloud))

    def _form(self, question: Question) -> bool | type[BaseModel] | None:
        """The form of the answer as our own arguments say it; a `response_format` of the server's own goes as it is.

        Raises:
            ValueError: a class is said twice, or is more than the model can do.
        """
        form, wanted = question.extra.get("response_format"), question.json_output
        if not isinstance(form, type) or isinstance(wanted, bool):
            return wanted
        if wanted is not None:
            raise ValueError(
                "response_format and json_output cannot be set to a Pydantic model class at the same time."
            )
        warnings.warn("response_format takes no class for long: say json_output", DeprecationWarning, stacklevel=2)
        check_supported(self._model_info, (), (), form)
        return form

    def _send(self, sdk: Any, request: dict[str, Any], *, stream: bool) -> Awaitable[Any]:
        request = self._known(request, _known_arguments())
        if not stream:
            request.pop("stream_options", None)
        sent: Awaitable[Any] = sdk.chat.completions.create(stream=stream, **request)
        return sent

    def _address(self) -> str | None:
        return super()._address() or (place.address if (place := elsewhere(self.model)) else None)

    def _key_of(self) -> str:
        place = elsewhere(self.model) if self.provider == "openai" else None
        return place.key_of if place is not None and place.address == self._address() else self.provider

    def _where(self) -> dict[str, Any]:
        return {**super()._where(), "organization": self._organization}

    def _said(self, **own: Any) -> dict[str, Any]:
        return super()._said(organization=self._organization, include_name_in_message=self._names, **own)

    def _to_config(self) -> OpenAIClientConfig:
        return OpenAIClientConfig(model=self.model, **self._said())

    @classmethod
    def create_from_config(cls, config: dict[str, Any]) -> ChatCompletionClient:
        """AutoGen's: a client with these arguments."""
        return cls(**config)


_COUNTING: Mapping[str, Any] = {"stream_options": {"include_usage": True}}
"""Asks for the count of tokens at the end of a stream."""


@cache
def _known_arguments() -> frozenset[str]:
    from openai.types.chat.completion_create_params import CompletionCreateParamsBase

    sent = CompletionCreateParamsBase.__annotations__.keys()
    return frozenset({*sent, *OF_THE_REQUEST})
