"""What agents say to each other, and what happens inside them.

A chat message goes from agent to agent; an event only tells what an agent does. Names, fields and JSON shapes
are those of AutoGen's ``autogen_agentchat.messages``.
"""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, TypeAdapter

from .code import CodeBlock, CodeResult
from .models.messages import RequestUsage, UserMessage


def _new_id() -> str:
    return str(uuid.uuid4())


def _now() -> datetime:
    return datetime.now(UTC)


class BaseMessage(BaseModel, ABC):
    """Anything that appears in a conversation."""

    @abstractmethod
    def to_text(self) -> str:
        """The content as a person would read it."""

    def dump(self) -> dict[str, Any]:
        """The message as JSON; its `type` says which class reads it back."""
        return self.model_dump(mode="json")

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Self:
        """The message that `dump` wrote."""
        return cls.model_validate(data)


class _Spoken(BaseMessage):
    """The fields that chat messages and events share."""

    id: str = Field(default_factory=_new_id)
    source: str
    models_usage: RequestUsage | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    created_at: datetime = Field(default_factory=_now)


class BaseChatMessage(_Spoken):
    """What one agent says to the others."""

    def to_model_text(self) -> str:
        """The content as a model reads it."""
        return self.to_text()

    def to_model_message(self) -> UserMessage:
        """The message as input for a model: always a `UserMessage`, whoever said it."""
        return UserMessage(content=self.to_model_text(), source=self.source)


class BaseAgentEvent(_Spoken):
    """What an agent does on the way to its message; shown, never sent to other agents."""


class TextMessage(BaseChatMessage):
    """Plain text or markdown."""

    content: str
    type: Literal["TextMessage"] = "TextMessage"

    def to_text(self) -> str:
        return self.content


class StopMessage(BaseChatMessage):
    """Asks for the end of the conversation; its content becomes the stop reason."""

    content: str
    type: Literal["StopMessage"] = "StopMessage"

    def to_text(self) -> str:
        return self.content


class CodeGenerationEvent(BaseAgentEvent):
    """An agent wrote code that it wants to run."""

    retry_attempt: int
    content: str
    code_blocks: list[CodeBlock]
    type: Literal["CodeGenerationEvent"] = "CodeGenerationEvent"

    def to_text(self) -> str:
        return self.content


class CodeExecutionEvent(BaseAgentEvent):
    """The code ran, or was refused; `result` says what came of it."""

    retry_attempt: int
    result: CodeResult
    type: Literal["CodeExecutionEvent"] = "CodeExecutionEvent"

    def to_text(self) -> str:
        return self.result.output


class UserInputRequestedEvent(BaseAgentEvent):
    """A person is being asked."""

    request_id: str
    content: Literal[""] = ""
    type: Literal["UserInputRequestedEvent"] = "UserInputRequestedEvent"

    def to_text(self) -> str:
        return self.content


class ModelClientStreamingChunkEvent(BaseAgentEvent):
    """A piece of an answer while it comes; `full_message_id` is the id of the message it will belong to."""

    content: str
    full_message_id: str | None = None
    type: Literal["ModelClientStreamingChunkEvent"] = "ModelClientStreamingChunkEvent"

    def to_text(self) -> str:
        return self.content


class ThoughtEvent(BaseAgentEvent):
    """What a reasoning model thought before it answered."""

    content: str
    type: Literal["ThoughtEvent"] = "ThoughtEvent"

    def to_text(self) -> str:
        return self.content


ChatMessage = Annotated[TextMessage | StopMessage, Field(discriminator="type")]
AgentEvent = Annotated[
    CodeGenerationEvent | CodeExecutionEvent | UserInputRequestedEvent | ModelClientStreamingChunkEvent | ThoughtEvent,
    Field(discriminator="type"),
]

_ANY_MESSAGE: TypeAdapter[BaseChatMessage | BaseAgentEvent] = TypeAdapter(
    Annotated[
        TextMessage
        | StopMessage
        | CodeGenerationEvent
        | CodeExecutionEvent
        | UserInputRequestedEvent
        | ModelClientStreamingChunkEvent
        | ThoughtEvent,
        Field(discriminator="type"),
    ]
)


def load_message(data: Mapping[str, Any]) -> BaseChatMessage | BaseAgentEvent:
    """The message or event that `dump` wrote, of the class that its `type` names.

    Raises:
        pydantic.ValidationError: an unknown `type`, or fields that do not fit it.
    """
    return _ANY_MESSAGE.validate_python(data)
