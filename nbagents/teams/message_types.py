"""Which classes of messages a team knows: all built-in ones, those its participants declare, and those of its user."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..messages import BaseChatMessage, MessageFactory, StructuredMessage
from .participant import Message


def known_types(participants: Iterable[Any], custom: Iterable[type[Message]]) -> MessageFactory:
    """The types that may be said in a team of these participants.

    Raises:
        ValueError: a custom type is no type of message.
    """
    factory = MessageFactory()
    for kind in [*_declared(participants), *custom]:
        if not factory.is_registered(kind):
            factory.register(kind)
    return factory


def _declared(participants: Iterable[Any]) -> Iterable[type[BaseChatMessage]]:
    for participant in participants:
        members = getattr(participant, "_participants", None)
        if members is not None:
            yield from _declared(members)
            continue
        for kind in getattr(participant, "produced_message_types", ()):
            if isinstance(kind, type) and issubclass(kind, StructuredMessage):
                yield kind
