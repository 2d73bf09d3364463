"""`ReplayChatCompletionClient`: answers from a script, for tests; name and behaviour are AutoGen's."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from ..cancellation import CancellationToken
from .client import ChatCompletionClient
from .messages import CreateResult, LLMMessage, RequestUsage
from .model_info import ModelInfo
from .offered import OfferedTool, ToolChoice
from .openai import UNKNOWN_MODEL_INFO


class ReplayChatCompletionClient(ChatCompletionClient):
    """Gives its answers in order.

    Args:
        chat_completions: the answers; a str becomes a `CreateResult` whose usage counts words.
        model_info: what the client claims to be able to do.
    """

    provider = "replay"

    def __init__(self, chat_completions: Sequence[CreateResult | str], model_info: ModelInfo | None = None) -> None:
        self.model = "script"
        self._answers = list(chat_completions)
        self._model_info = model_info or UNKNOWN_MODEL_INFO
        self._next = 0
        self._usage = RequestUsage()
        self.create_calls: list[list[LLMMessage]] = []
        """The messages of every call so far."""

    @property
    def model_info(self) -> ModelInfo:
        return self._model_info

    def total_usage(self) -> RequestUsage:
        return self._usage

    def reset(self) -> None:
        """Begin the script again."""
        self._next = 0

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
        if self._next >= len(self._answers):
            raise ValueError("No more mock responses available")
        answer = self._answers[self._next]
        self._next += 1
        self.create_calls.append(list(messages))
        result = answer if isinstance(answer, CreateResult) else _as_result(answer, messages)
        self._usage += result.usage
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
        result = await self.create(messages, tools=tools, json_output=json_output)
        if isinstance(result.content, str):
            for number, word in enumerate(result.content.split(" ")):
                yield word if number == 0 else " " + word
        yield result


def _as_result(text: str, messages: Sequence[LLMMessage]) -> CreateResult:
    asked = sum(len(str(message.content).split()) for message in messages)
    usage = RequestUsage(prompt_tokens=asked, completion_tokens=len(text.split()))
    return CreateResult(finish_reason="stop", content=text, usage=usage, model="script")
