"""What can go wrong between a message and its handler; names are those of ``autogen_core.exceptions``."""

from __future__ import annotations

from ...errors import NBAgentsError


class CantHandleException(NBAgentsError):
    """A handler, closure or subscription was given what it does not take."""


class UndeliverableException(NBAgentsError):
    """Nobody can receive the message: its recipient is unknown, or the runtime stopped before it was delivered."""


class MessageDroppedException(NBAgentsError):
    """An intervention handler dropped the message, or its reply."""


class NotAccessibleError(NBAgentsError):
    """An agent's instance cannot be reached from here: it lives in another process."""
