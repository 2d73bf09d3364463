"""What every message has: `BaseMessage`, `BaseChatMessage` (said to others) and `BaseAgentEvent` (only shown)."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_jsonable_python

from ..models.messages import RequestUsage, UserMessage

_VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def _new_id() -> str:
    """A random UUID (version 4) as text, in half the time of ``str(uuid.uuid4())``: every chunk of a stream has one."""
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANTS[digits[16]]}{digits[17:20]}-{digits[20:]}"


def _now() -> datetime:
    return datetime.now(UTC)


class BaseMessage(BaseModel, ABC):
    """Anything that appears in a conversation."""

    # Validators are built at first use: importing thirty classes of which a team uses three shall cost little.
    model_config = ConfigDict(defer_build=True)

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


def dump_all(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """What `dump` gives of each of `messages`, in one pass: a long conversation is saved in two thirds of the time."""
    if any(kind.dump is not BaseMessage.dump for kind in {type(message) for message in messages}):
        return [message.dump() for message in messages]
    dumped: list[dict[str, Any]] = to_jsonable_python(list(messages))
    return dumped


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


class BaseTextChatMessage(BaseChatMessage):
    """A chat message whose content is text."""

    content: str

    def to_text(self) -> str:
        return self.content


class BaseAgentEvent(_Spoken):
    """What an agent does on the way to its message; shown, never sent to other agents."""
