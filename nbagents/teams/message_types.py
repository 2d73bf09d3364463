"""Which classes of messages a team knows: all built-in ones, those its participants declare, and those of its user."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..messages import BaseChatMessage, MessageFactory, StructuredMessage
from .participant import Message


class KnownTypes:
    """The types that may be said in a team.

    Args:
        participants: who take part; what they declare is known.
        custom: types of the user's own.

    Raises:
        ValueError: a custom type is no type of message, or is known already.
    """

    def __init__(self, participants: Iterable[Any], custom: Iterable[type[Message]]) -> None:
        self.factory = MessageFactory()
        for kind in custom:
            self.factory.register(kind)
        for kind in _declared(participants):
            if not self.factory.is_registered(kind):
                self.factory.register(kind)
        self._checked: set[type[Message]] = set()

    def check(self, message: Message) -> None:
        """Refuse a message that could not be read from a saved state.

        Raises:
            ValueError: its type is not known.
        """
        kind = type(message)
        if kind in self._checked:
            return
        if not self.factory.is_registered(kind):
            raise ValueError(
                f"Message type {kind} is not registered with the message factory. "
                "Add it to custom_message_types when the team is made."
            )
        self._checked.add(kind)


def _declared(participants: Iterable[Any]) -> Iterable[type[BaseChatMessage]]:
    for participant in participants:
        members = getattr(participant, "_participants", None)
        if members is not None:
            yield from _declared(members)
            continue
        for kind in getattr(participant, "produced_message_types", ()):
            if isinstance(kind, type) and issubclass(kind, StructuredMessage) and kind is not StructuredMessage:
                yield kind
