"""`AnthropicChatCompletionClient`: Anthropic's models, on the `anthropic` SDK."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Mapping, Sequence
from functools import cache, partial
from typing import Any

from pydantic import SecretStr

from .anthropic_answer import AnthropicAnswer
from .anthropic_config import AnthropicClientConfig
from .anthropic_messages import calls_in, system_of, turns_of
from .anthropic_models import CONTEXT, answer_of, info_of
from .anthropic_tools import AnthropicTools
from .attempt import SDKAnswer
from .messages import AssistantMessage, CreateResult, LLMMessage
from .model_info import ModelCapabilities, ModelInfo, said_info
from .offered import OfferedTool
from .sdk_client import OF_THE_REQUEST, Asked, Question, SDKChatCompletionClient
from .token_estimate import estimate_tokens

_SAMPLING = ("temperature", "top_p", "top_k")
"""Arguments that models still take and the SDK has no name for."""
_THOUGHTS_KEPT = 1024


@cache
def _known_arguments() -> frozenset[str]:
    from anthropic.types.message_create_params import MessageCreateParamsBase

    return frozenset({*MessageCreateParamsBase.__annotations__, *OF_THE_REQUEST})


class AnthropicChatCompletionClient(SDKChatCompletionClient):
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
            ``thinking={"type": "enabled", "budget_tokens": 2048}``; and of the SDK's client ``http_client`` and
            ``default_query``. Others are left out, with a warning.

    Raises:
        ConfigurationError: the `anthropic` package is not installed (at the first call).
        ValueError: no model is named; `model_info` lacks a field, or is said twice; or an argument is each call's own
            (``messages``).
    """

    component_config_schema = AnthropicClientConfig
    provider = "anthropic"
    package, sdk_class, own_server = "anthropic", "AsyncAnthropic", "Anthropic"
    bytes_per_token = 3.2
    """Its tokens are shorter than OpenAI's."""

    def __init__(
        self,
        model: str = "",
        *,
        api_key: str | SecretStr | None = None,
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
        self._max_tokens = max_tokens
        self._thoughts: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()

    @property
    def answer_limit(self) -> int:
        return self._max_tokens or answer_of(self.model)

    def count_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[OfferedTool] = ()) -> int:
        # Anthropic's own count is a request; this must not wait.
        return estimate_tokens(messages, tools, bytes_per_token=self.bytes_per_token, per_image=1600)

    def remaining_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[OfferedTool] = ()) -> int:
        return CONTEXT - self.count_tokens(messages, tools=tools)

    def _asked(self, question: Question) -> Asked:
        messages, extra = question.messages, dict(question.extra)
        parallel, thinks = extra.pop("parallel_tool_calls", None), self._thinks(messages, extra)
        asked_for = (question.tools, question.tool_choice, question.json_output)
        offered = AnthropicTools(*asked_for, thinks=thinks, earlier=calls_in(messages), parallel=parallel)
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
        if body:
            request["extra_body"] = {**extra.get("extra_body", {}), **body}
        return Asked(request, partial(AnthropicAnswer, offered))

    def _send(self, sdk: Any, request: dict[str, Any], *, stream: bool) -> Awaitable[Any]:
        sent: Awaitable[Any] = sdk.messages.create(stream=stream, **self._known(request, _known_arguments()))
        return sent

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

    def _complete(self, answer: SDKAnswer) -> CreateResult:
        """As the base class; the thoughts of an answer are kept for when the results of its calls are told."""
        result = super()._complete(answer)
        assert isinstance(answer, AnthropicAnswer), "it was made by `_asked`"
        if answer.thoughts and not isinstance(result.content, str):
            for call in result.content:
                self._thoughts[call.id] = answer.thoughts
            while len(self._thoughts) > _THOUGHTS_KEPT:
                self._thoughts.popitem(last=False)
        return result

    def _to_config(self) -> AnthropicClientConfig:
        return AnthropicClientConfig(model=self.model, **self._said(max_tokens=self._max_tokens))
