"""What an agent has heard: takes incoming messages into its model context exactly once.

A turn that failed or was cancelled is tried again with the same messages. Those that reached the context in the
first attempt must not stand there twice, so their ids are kept until the turn ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..memory import ChatCompletionContext
from ..messages import BaseChatMessage, HandoffMessage


class Heard:
    """The messages of a turn that has not ended yet."""

    def __init__(self) -> None:
        self._ids: list[str] = []

    @property
    def unfinished(self) -> list[str]:
        """Ids of the messages that are in the context while their turn has not ended."""
        return list(self._ids)

    async def take(self, messages: Sequence[BaseChatMessage], context: ChatCompletionContext) -> None:
        """Add to `context` what is not there from an earlier attempt; a handoff's own context comes first."""
        for message in messages:
            if message.id in self._ids:
                continue
            if isinstance(message, HandoffMessage):
                for earlier in message.context:
                    await context.add_message(earlier)
            await context.add_message(message.to_model_message())
            self._ids.append(message.id)

    def finished(self) -> None:
        """The turn has ended with an answer."""
        self._ids.clear()

    def restore(self, unfinished: Iterable[str]) -> None:
        """Take back what `unfinished` said."""
        self._ids = list(unfinished)
