"""Asks a runtime's intervention handlers, in order, and acts on what they say."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from typing import Any

from .envelope import Envelope
from .events import MessageDroppedEvent, MessageKind, event_logger
from .exceptions import MessageDroppedException
from .identity import AgentId, TopicId
from .intervention import DropMessage, InterventionHandler

logger = logging.getLogger("nbagents.runtime")


class Interventions:
    """The intervention handlers of one runtime."""

    def __init__(self, handlers: Sequence[InterventionHandler]) -> None:
        self._handlers = handlers

    async def before_delivery(self, envelope: Envelope) -> bool:
        """Let the handlers see an envelope and change its message; False when one dropped it.

        Raises:
            Exception: what a handler raised.
        """
        recipient, context = envelope.recipient, envelope.context
        for handler in self._handlers:
            if recipient is None:
                said = await handler.on_publish(envelope.message, message_context=context)
            else:
                said = await handler.on_send(envelope.message, message_context=context, recipient=recipient)
            if _is_drop(said):
                kind = MessageKind.PUBLISH if recipient is None else MessageKind.DIRECT
                _log_drop(envelope.message, context.sender, recipient or context.topic_id, kind)
                if envelope.reply is not None and not envelope.reply.done():
                    envelope.reply.set_exception(MessageDroppedException(f"{_name(handler)} dropped the message"))
                return False
            envelope.message = _said(said, envelope.message, handler)
        return True

    async def response(self, answer: Any, sender: AgentId, recipient: AgentId | None) -> Any:
        """Let the handlers see a reply; returns what they made of it.

        Raises:
            MessageDroppedException: one dropped it.
            Exception: what a handler raised.
        """
        for handler in self._handlers:
            said = await handler.on_response(answer, sender=sender, recipient=recipient)
            if _is_drop(said):
                _log_drop(answer, sender, recipient, MessageKind.RESPOND)
                raise MessageDroppedException(f"{_name(handler)} dropped the reply of {sender}")
            answer = _said(said, answer, handler)
        return answer


def _is_drop(said: Any) -> bool:
    return said is DropMessage or isinstance(said, DropMessage)


def _said(said: Any, message: Any, handler: InterventionHandler) -> Any:
    """What a handler returned; a forgotten `return` changes nothing, with a warning."""
    if said is None and message is not None:
        warnings.warn(
            f"Intervention handler {_name(handler)} returned None: the message goes on unchanged. "
            "Return the message, another one, or DropMessage",
            RuntimeWarning,
            stacklevel=2,
        )
        return message
    return said


def _name(handler: InterventionHandler) -> str:
    return type(handler).__name__


def _log_drop(message: Any, sender: AgentId | None, receiver: AgentId | TopicId | None, kind: MessageKind) -> None:
    if event_logger.isEnabledFor(logging.INFO):
        event_logger.info(MessageDroppedEvent(payload=message, sender=sender, receiver=receiver, kind=kind))
