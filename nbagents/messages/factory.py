"""Reads messages back from JSON: by the types that a team knows (`MessageFactory`), or by any (`load_message`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .chat import HandoffMessage, MultiModalMessage, StopMessage, TextMessage, ToolCallSummaryMessage
from .events import (
    CodeExecutionEvent,
    CodeGenerationEvent,
    MemoryQueryEvent,
    ModelClientStreamingChunkEvent,
    SelectorEvent,
    SelectSpeakerEvent,
    ThoughtEvent,
    ToolCallExecutionEvent,
    ToolCallRequestEvent,
    UserInputRequestedEvent,
)
from .message import BaseAgentEvent, BaseChatMessage
from .structured import structured_type

MessageType = type[BaseChatMessage | BaseAgentEvent]

BUILT_IN: Mapping[str, MessageType] = {
    kind.__name__: kind
    for kind in (
        TextMessage,
        StopMessage,
        HandoffMessage,
        ToolCallSummaryMessage,
        MultiModalMessage,
        ToolCallRequestEvent,
        ToolCallExecutionEvent,
        CodeGenerationEvent,
        CodeExecutionEvent,
        UserInputRequestedEvent,
        MemoryQueryEvent,
        ModelClientStreamingChunkEvent,
        ThoughtEvent,
        SelectSpeakerEvent,
        SelectorEvent,
    )
}
_STRUCTURED = re.compile(r"StructuredMessage\[(.+)\]")


class MessageFactory:
    """The message types that a team knows: all of nbagents, and those that are registered."""

    def __init__(self) -> None:
        self._types: dict[str, MessageType] = dict(BUILT_IN)

    def is_registered(self, message_type: MessageType) -> bool:
        """True when messages of this class can be read back."""
        return message_type.__name__ in self._types

    def register(self, message_type: Any) -> None:
        """Know one more type.

        Raises:
            ValueError: it is known already, or is no type of message.
        """
        if not (isinstance(message_type, type) and issubclass(message_type, BaseChatMessage | BaseAgentEvent)):
            raise ValueError(f"Message type {message_type} must be a subclass of BaseChatMessage or BaseAgentEvent.")
        if self.is_registered(message_type):
            raise ValueError(f"Message type {message_type} is already registered.")
        self._types[message_type.__name__] = message_type

    def create(self, data: Mapping[str, Any]) -> BaseChatMessage | BaseAgentEvent:
        """The message or event that `dump` wrote.

        Raises:
            ValueError: its type is missing or not known, or its fields do not fit.
        """
        if data.get("type") is None:
            raise ValueError("Field 'type' is required in the message data to recover the message type.")
        kind = self._types.get(data["type"]) if isinstance(data["type"], str) else None
        if kind is None:
            raise ValueError(f"Unknown message type: {data['type']}")
        return kind.load(data)


def load_message(data: Mapping[str, Any]) -> BaseChatMessage | BaseAgentEvent:
    """The message or event that `dump` wrote, of the class that its `type` names.

    A class of the user's own is found while it is defined in this process. The content of a structured message has
    the fields that it was written with, but not the model's class: that is known to whoever defined it.

    Raises:
        ValueError: no class has this type, or the fields do not fit it.
    """
    name = data.get("type")
    kind = BUILT_IN.get(name) if isinstance(name, str) else None
    if kind is None:
        kind = _found(name)
    return kind.load(data)


def _found(name: Any) -> MessageType:
    if isinstance(name, str):
        if structured := _STRUCTURED.fullmatch(name):
            return structured_type(structured[1])
        for root in (BaseChatMessage, BaseAgentEvent):
            for kind in _subclasses(root):
                field = kind.model_fields.get("type")
                if name in (kind.__name__, field.default if field else None):
                    return kind
    raise ValueError(f"unknown message type {name!r}: define or import its class before its messages are read")


def _subclasses(kind: Any) -> Iterator[MessageType]:
    # The youngest first: running a cell again defines a class again.
    for sub in reversed(kind.__subclasses__()):
        yield sub
        yield from _subclasses(sub)
