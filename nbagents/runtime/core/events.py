"""What the runtime tells the log ``nbagents.runtime.events``: one object per message, each a line of JSON as text.

Nothing is built or written unless that logger is enabled for INFO: it costs a message one look at a flag.
"""

from __future__ import annotations

import json
from enum import Enum
from typing import Any

from pydantic_core import to_jsonable_python

from ..effect_events import EVENT_LOGGER_NAME, ROOT_LOGGER_NAME, TRACE_LOGGER_NAME, Event, event_logger
from .identity import AgentId, TopicId

__all__ = [
    "EVENT_LOGGER_NAME",
    "ROOT_LOGGER_NAME",
    "TRACE_LOGGER_NAME",
    "AgentConstructionExceptionEvent",
    "DeliveryStage",
    "MessageDroppedEvent",
    "MessageEvent",
    "MessageHandlerExceptionEvent",
    "MessageKind",
    "event_logger",
]


class MessageKind(Enum):
    """How a message goes."""

    DIRECT = 1
    PUBLISH = 2
    RESPOND = 3


class DeliveryStage(Enum):
    """Where a message is."""

    SEND = 1
    DELIVER = 2


class MessageEvent(Event):
    """A message is sent or delivered."""

    def __init__(
        self,
        *,
        payload: Any,
        sender: AgentId | None,
        receiver: AgentId | TopicId | None,
        kind: MessageKind,
        delivery_stage: DeliveryStage,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            payload=_text(payload),
            sender=_id(sender),
            receiver=_id(receiver),
            kind=str(kind),
            delivery_stage=str(delivery_stage),
            **kwargs,
        )


class MessageDroppedEvent(Event):
    """An intervention handler dropped a message."""

    def __init__(
        self,
        *,
        payload: Any,
        sender: AgentId | None,
        receiver: AgentId | TopicId | None,
        kind: MessageKind,
        **kwargs: Any,
    ) -> None:
        super().__init__(payload=_text(payload), sender=_id(sender), receiver=_id(receiver), kind=str(kind), **kwargs)


class MessageHandlerExceptionEvent(Event):
    """A handler raised."""

    def __init__(self, *, payload: Any, handling_agent: AgentId, exception: BaseException, **kwargs: Any) -> None:
        super().__init__(payload=_text(payload), handling_agent=str(handling_agent), exception=str(exception), **kwargs)


class AgentConstructionExceptionEvent(Event):
    """An agent could not be made."""

    def __init__(self, *, agent_id: AgentId, exception: BaseException, **kwargs: Any) -> None:
        super().__init__(agent_id=str(agent_id), exception=str(exception), **kwargs)


def _id(who: AgentId | TopicId | None) -> str | None:
    return None if who is None else str(who)


def _text(payload: Any) -> str:
    if isinstance(payload, str):
        return payload
    return json.dumps(to_jsonable_python(payload, fallback=repr))
