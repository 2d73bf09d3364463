"""`Envelope`: one message on its way through an in-process runtime, and how its sender gets a reply."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import Any

from ...cancellation import CancellationToken
from .context import MessageContext
from .exceptions import UndeliverableException
from .identity import AgentId


class Envelope:
    """One message on its way.

    Args:
        message: what is said.
        context: what its handlers are told beside it.
        recipient: the one receiver; None for a publication.
        reply: where the recipient's answer goes; None for a publication.
        token: the sender's cancellation token, if it gave one.
        variables: the context variables of the sender, which its handlers see too: effects of a handler pass
            the gate of the run that caused them.
    """

    __slots__ = ("context", "message", "recipient", "reply", "task", "token", "variables")

    def __init__(
        self,
        message: Any,
        context: MessageContext,
        recipient: AgentId | None,
        reply: asyncio.Future[Any] | None,
        token: CancellationToken | None,
        variables: Context,
    ) -> None:
        self.message, self.context = message, context
        self.recipient, self.reply = recipient, reply
        self.token, self.variables = token, variables
        self.task: asyncio.Task[Any] | None = None


def refuse(reply: asyncio.Future[Any] | None, why: str) -> None:
    """Tell whoever awaits the reply that there will be none."""
    if reply is not None and not reply.done():
        reply.set_exception(UndeliverableException(why))


def answer(reply: asyncio.Future[Any], task: asyncio.Task[Any], error: BaseException | None) -> None:
    """Give the reply what the handler's task ended with."""
    if reply.done():
        return
    if task.cancelled():
        reply.cancel()
    elif error is not None:
        reply.set_exception(error)
    else:
        reply.set_result(task.result())
