"""From a topic to its receivers: the subscriptions of one runtime, each topic looked up once."""

from __future__ import annotations

from collections.abc import Sequence

from .identity import AgentId, TopicId
from .subscriptions import Subscription

_KEPT_TOPICS = 4096
"""A topic per session would otherwise stay for ever."""


class Routes:
    """The subscriptions of a runtime."""

    def __init__(self) -> None:
        self._subscriptions: dict[str, Subscription] = {}
        self._known: dict[TopicId, Sequence[AgentId]] = {}

    def add(self, subscription: Subscription) -> None:
        """Let it match from now on.

        Raises:
            ValueError: an equal one is there.
        """
        if subscription.id in self._subscriptions or subscription in self._subscriptions.values():
            raise ValueError("Subscription already exists")
        self._subscriptions[subscription.id] = subscription
        self._known.clear()

    def remove(self, id: str) -> None:
        """Let it match no longer.

        Raises:
            ValueError: there is none with this id.
        """
        if self._subscriptions.pop(id, None) is None:
            raise ValueError("Subscription does not exist")
        self._known.clear()

    def receivers(self, topic: TopicId) -> Sequence[AgentId]:
        """Who receives what is published on `topic`: one entry per subscription that matches, so an agent
        with two of them is in it twice."""
        found = self._known.get(topic)
        if found is None:
            matching = [known for known in self._subscriptions.values() if known.is_match(topic)]
            found = [subscription.map_to_agent(topic) for subscription in matching]
            if len(self._known) >= _KEPT_TOPICS:
                self._known.clear()
            self._known[topic] = found
        return found
