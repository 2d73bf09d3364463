"""`RoutedAgent`: an agent whose methods take the messages that their type hints name."""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Sequence
from typing import Any, ClassVar

from .agent import BaseAgent, serializers_of
from .context import MessageContext
from .handlers import Match, MessageHandler
from .serialization import MessageSerializer

logger = logging.getLogger("nbagents.runtime")

_Table = dict[type[Any], list[tuple[Match | None, MessageHandler]]]


class RoutedAgent(BaseAgent):
    """An agent with one method per class of messages, each decorated with `message_handler`, `event` or `rpc`.

    A message goes to the first method whose hint is exactly its class and whose `match` agrees.

    Args:
        description: what it is for.
    """

    _table: ClassVar[_Table] = {}

    def __init__(self, description: str) -> None:
        super().__init__(description)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._table = {}
        for handler in cls._discover_handlers():
            # None stands for "always": most handlers need not be asked.
            ask = None if getattr(handler, "routes_all", False) else handler.router
            for kind in handler.target_types:
                cls._table.setdefault(kind, []).append((ask, handler))

    # Not `async`, as `BaseAgent.on_message`: the handler's coroutine is the only one.
    def on_message_impl(self, message: Any, ctx: MessageContext) -> Coroutine[Any, Any, Any]:
        """Hand the message to the method that takes it."""
        for matches, handler in self._table.get(type(message), ()):
            if matches is None or matches(message, ctx):
                return handler(self, message, ctx)
        return self.on_unhandled_message(message, ctx)

    async def on_unhandled_message(self, message: Any, ctx: MessageContext) -> None:
        """No method takes this message: it is logged, and answered with None. Override to do otherwise."""
        logger.info("Unhandled message: %s takes no %s", self.id, type(message).__name__)

    @classmethod
    def _discover_handlers(cls) -> Sequence[MessageHandler]:
        """The methods that take messages, in the alphabetical order of their names."""
        members = (getattr(cls, name, None) for name in dir(cls))
        return [member for member in members if getattr(member, "is_message_handler", False) and callable(member)]

    @classmethod
    def _handles_types(cls) -> list[tuple[type[Any], list[MessageSerializer[Any]]]]:
        return [*((kind, serializers_of(kind)) for kind in cls._table), *super()._handles_types()]
