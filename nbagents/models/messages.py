"""What is said to a model and what it says back: the types of a chat completion.

Names and JSON shapes are those of AutoGen's ``autogen_core.models``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_jsonable_python

from ..image import Image

_LAZILY = ConfigDict(defer_build=True)
"""Validators are built at first use: importing this costs a third."""

FinishReasons = Literal["stop", "length", "function_calls", "content_filter", "unknown"]


@dataclass
class FunctionCall:
    """A call that a model asks for; `arguments` is the JSON text as the model wrote it."""

    id: str
    arguments: str
    name: str


class FunctionExecutionResult(BaseModel):
    """What a call returned, as text for the model."""

    model_config = _LAZILY

    content: str
    name: str
    call_id: str
    is_error: bool | None = None


class SystemMessage(BaseModel):
    """Instructions from the developer of the agent."""

    model_config = _LAZILY

    content: str
    type: Literal["SystemMessage"] = "SystemMessage"


class UserMessage(BaseModel):
    """Input from a person or from another agent (`source` says who)."""

    model_config = _LAZILY

    content: str | list[str | Image]
    source: str
    type: Literal["UserMessage"] = "UserMessage"


class AssistantMessage(BaseModel):
    """What the model itself said earlier: text, or the calls that it asked for."""

    model_config = _LAZILY

    content: str | list[FunctionCall]
    thought: str | None = None
    source: str
    type: Literal["AssistantMessage"] = "AssistantMessage"


class FunctionExecutionResultMessage(BaseModel):
    """The results of the calls in the assistant message before it."""

    model_config = _LAZILY

    content: list[FunctionExecutionResult]
    type: Literal["FunctionExecutionResultMessage"] = "FunctionExecutionResultMessage"


LLMMessage = Annotated[
    SystemMessage | UserMessage | AssistantMessage | FunctionExecutionResultMessage, Field(discriminator="type")
]

_OF_TEXTS = frozenset({SystemMessage, UserMessage, AssistantMessage})


def dump_prompt(messages: Sequence[LLMMessage]) -> list[dict[str, Any]]:
    """The messages as JSON.

    Nearly all messages of a conversation hold texts only, so that their fields are JSON already: to copy these is
    three times as fast as to serialise them, and every agent saves the whole conversation.
    """
    return [
        fields.copy()
        if type(message) in _OF_TEXTS and type((fields := message.__dict__)["content"]) is str
        else to_jsonable_python(message)
        for message in messages
    ]


@dataclass
class RequestUsage:
    """Tokens of one model call, as the provider counted them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: RequestUsage) -> RequestUsage:
        return RequestUsage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
        )


@dataclass
class TopLogprob:
    """How likely one of the candidates for a token was; `bytes` is its text in UTF-8."""

    logprob: float
    bytes: list[int] | None = None


class ChatCompletionTokenLogprob(BaseModel):
    """How likely a token of the answer was, and what else might have stood there."""

    model_config = _LAZILY

    token: str
    logprob: float
    top_logprobs: list[TopLogprob] | None = None
    bytes: list[int] | None = None


class CreateResult(BaseModel):
    """A whole answer of a model."""

    model_config = ConfigDict(protected_namespaces=(), defer_build=True)

    finish_reason: FinishReasons
    content: str | list[FunctionCall]
    usage: RequestUsage
    cached: bool = False
    logprobs: list[ChatCompletionTokenLogprob] | None = None
    thought: str | None = None
    model: str = Field("", repr=False)
    """The model's id as the provider answered it; "" when it did not say."""
    billed_by: str | None = Field(None, repr=False)
    """Whose price list holds, where another model answered than its client names; None: the client's."""

    def __eq__(self, other: object) -> bool:
        """By what prints, which is what AutoGen's has: so a test that was written for that holds."""
        if not isinstance(other, CreateResult):
            return NotImplemented
        fields = (name for name, field in CreateResult.model_fields.items() if field.repr)
        return all(getattr(self, name) == getattr(other, name) for name in fields)

    __hash__ = None  # type: ignore[assignment]  # it can be changed
