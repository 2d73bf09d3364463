"""Intervention handlers: they see every message of a runtime before it is delivered, and may change or drop it."""

from __future__ import annotations

from typing import Any, Protocol, final, runtime_checkable

from .context import MessageContext
from .identity import AgentId


@final
class DropMessage:
    """Returned by an intervention handler, as the class or an instance: the message ends here."""


@runtime_checkable
class InterventionHandler(Protocol):
    """Sees messages before they are delivered. Each method returns the message, another one, or `DropMessage`."""

    async def on_send(
        self, message: Any, *, message_context: MessageContext, recipient: AgentId
    ) -> Any | type[DropMessage]:
        """A message to one agent; an exception goes to its sender."""
        ...

    async def on_publish(self, message: Any, *, message_context: MessageContext) -> Any | type[DropMessage]:
        """A publication; an exception counts as one of an event handler."""
        ...

    async def on_response(self, message: Any, *, sender: AgentId, recipient: AgentId | None) -> Any | type[DropMessage]:
        """A reply, from `sender` to `recipient`; an exception goes to the latter."""
        ...


class DefaultInterventionHandler(InterventionHandler):
    """Lets everything pass; subclass it and override what is to be seen."""

    async def on_send(
        self, message: Any, *, message_context: MessageContext, recipient: AgentId
    ) -> Any | type[DropMessage]:
        return message

    async def on_publish(self, message: Any, *, message_context: MessageContext) -> Any | type[DropMessage]:
        return message

    async def on_response(self, message: Any, *, sender: AgentId, recipient: AgentId | None) -> Any | type[DropMessage]:
        return message
