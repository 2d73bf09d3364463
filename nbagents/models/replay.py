"""`ReplayChatCompletionClient`: answers from a script, for tests and demos; name and behaviour are AutoGen's."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Self, cast

from pydantic import BaseModel, ConfigDict

from ..cancellation import CancellationToken
from ..component import Component, ComponentConfig
from ..image import Image
from .client import ChatCompletionClient
from .messages import CreateResult, LLMMessage, RequestUsage
from .model_info import ModelInfo, validate_model_info
from .offered import OfferedTool, ToolChoice
from .openai_models import UNKNOWN_MODEL_INFO
from .prompt import Prompt
from .tally import Tally

TOKENS = 10_000
"""Tokens that the script's calls may use up together, as `remaining_tokens` counts."""


class ReplayChatCompletionClientConfig(ComponentConfig):
    """The script."""

    model_config = ConfigDict(protected_namespaces=())

    chat_completions: list[str | CreateResult]
    model_info: dict[str, Any] | None = None


class ReplayChatCompletionClient(ChatCompletionClient, Component[ReplayChatCompletionClientConfig]):
    """Gives its answers in order; each word is a token.

    Args:
        chat_completions: the answers; a str becomes a `CreateResult` whose usage counts words, and is streamed word by
            word.
        model_info: what the client claims to be able to do.
    """

    component_type = "replay_chat_completion_client"
    component_config_schema = ReplayChatCompletionClientConfig
    provider = "replay"

    def __init__(self, chat_completions: Sequence[CreateResult | str], model_info: ModelInfo | None = None) -> None:
        if model_info is not None:
            validate_model_info(model_info)
        self.model = "script"
        self.chat_completions = list(chat_completions)
        self._model_info = model_info or UNKNOWN_MODEL_INFO
        self._next = 0
        self._cached = True
        self._usage = self._latest = RequestUsage()
        self._create_calls: list[dict[str, Any]] = []
        self._count = Tally(_words)

    @property
    def provided_message_count(self) -> int:
        """So many answers the script has."""
        return len(self.chat_completions)

    @property
    def create_calls(self) -> list[dict[str, Any]]:
        """The arguments of every call so far, by their names (`messages`, `tools`, ...); streams included."""
        return self._create_calls

    @property
    def model_info(self) -> ModelInfo:
        return self._model_info

    def actual_usage(self) -> RequestUsage:
        """Tokens of the latest call: nothing ever goes to a provider here."""
        return self._latest

    def total_usage(self) -> RequestUsage:
        return self._usage

    def count_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[OfferedTool] = ()) -> int:
        return self._count(messages)

    def remaining_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[OfferedTool] = ()) -> int:
        """Tokens that the calls so far have left; the messages do not matter."""
        return TOKENS - self._usage.prompt_tokens - self._usage.completion_tokens

    def set_cached_bool_value(self, value: bool) -> None:
        """Say of the answers that were given as text whether they are `cached`."""
        self._cached = value

    def reset(self) -> None:
        """Begin the script again, with nothing used; `create_calls` stays."""
        self._next, self._usage, self._latest = 0, RequestUsage(), RequestUsage()

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
        if self._next >= len(self.chat_completions):
            raise ValueError("No more mock responses available")
        answer = self.chat_completions[self._next]
        self._next += 1
        self._create_calls.append(
            {
                "messages": messages.copy() if isinstance(messages, Prompt) else list(messages),
                "tools": list(tools),
                "tool_choice": tool_choice,
                "json_output": json_output,
                "extra_create_args": extra_create_args or {},
                "cancellation_token": cancellation_token,
            }
        )
        result = answer if isinstance(answer, CreateResult) else self._as_result(answer, messages)
        self._usage, self._latest = self._usage + result.usage, result.usage
        return result

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
        began = self._next
        result = await self.create(
            messages,
            tools=tools,
            tool_choice=tool_choice,
            json_output=json_output,
            extra_create_args=extra_create_args,
            cancellation_token=cancellation_token,
        )
        # A `create` of a subclass may not follow the script.
        whole = self._next > began and isinstance(self.chat_completions[began], CreateResult)
        if isinstance(result.content, str) and result.content and not whole:
            *words, last = result.content.split(" ")
            for word in words:
                yield f"{word} "
            yield last
        yield result

    def _to_config(self) -> ReplayChatCompletionClientConfig:
        return ReplayChatCompletionClientConfig(
            chat_completions=self.chat_completions, model_info=dict(self._model_info)
        )

    @classmethod
    def _from_config(cls, config: ReplayChatCompletionClientConfig) -> Self:
        return cls(config.chat_completions, cast("ModelInfo | None", config.model_info))

    def _as_result(self, text: str, messages: Sequence[LLMMessage]) -> CreateResult:
        usage = RequestUsage(self.count_tokens(messages), len(text.split()))
        return CreateResult(finish_reason="stop", content=text, usage=usage, cached=self._cached)


def _words(message: LLMMessage) -> int:
    if isinstance(message.content, str):
        return len(message.content.split())
    # A picture is one word, a call and a result as many as its text has.
    return sum(1 if isinstance(part, Image) else len(str(part).split()) for part in message.content)
