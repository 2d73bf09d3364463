"""Who and what messages are addressed to: agents by type and key, topics by type and source.

An agent's type says which code answers, its key which instance. A subscription maps a topic's source to the key,
so one publication to the source "alice" reaches alice's own instance of every subscriber.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Self, TypedDict

_AGENT_TYPE = re.compile(r"^[\w\-\.]+\Z")
_TOPIC_TYPE = re.compile(r"^[\w\-\.\:\=]+\Z")


def is_valid_agent_type(value: str) -> bool:
    """True when `value` may be an agent's type: letters, digits, ``_``, ``-`` and ``.``"""
    return bool(_AGENT_TYPE.match(value))


def is_valid_topic_type(value: str) -> bool:
    """True when `value` may be a topic's type: as an agent's, and ``:`` and ``=``"""
    return bool(_TOPIC_TYPE.match(value))


@dataclass(eq=True, frozen=True)
class AgentType:
    """A kind of agent, as it was registered."""

    type: str


class AgentId:
    """One instance of a type of agent; ``str()`` is "type/key".

    Raises:
        ValueError: `type` holds a character that agent types may not hold.
    """

    __slots__ = ("_hash", "_key", "_type")

    def __init__(self, type: str | AgentType, key: str) -> None:
        if isinstance(type, AgentType):
            type = type.type
        if not is_valid_agent_type(type):
            raise ValueError(
                f"Invalid agent type: {type}. Allowed values MUST match the regex: `{_AGENT_TYPE.pattern}`"
            )
        self._type, self._key = type, key
        # An id is looked up with every delivery: it is hashed once.
        self._hash = hash((type, key))

    @property
    def type(self) -> str:
        """The kind of agent."""
        return self._type

    @property
    def key(self) -> str:
        """Which one of that kind."""
        return self._key

    @classmethod
    def from_str(cls, agent_id: str) -> Self:
        """Read "type/key"; the key may hold further slashes.

        Raises:
            ValueError: there is no slash, or the type is not valid.
        """
        type, slash, key = agent_id.partition("/")
        if not slash:
            raise ValueError(f"Invalid agent id: {agent_id}")
        return cls(type, key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AgentId):
            return NotImplemented
        return self._type == other._type and self._key == other._key

    def __str__(self) -> str:
        return f"{self._type}/{self._key}"

    def __repr__(self) -> str:
        return f'AgentId(type="{self._type}", key="{self._key}")'

    def __reduce__(self) -> tuple[Any, ...]:
        # Strings hash differently in every process: the kept hash must not travel.
        return type(self), (self._type, self._key)


@dataclass(eq=True, frozen=True)
class TopicId:
    """What is published on: a `type` that subscriptions name, and a `source` that becomes the receiving agents' key.

    Raises:
        ValueError: `type` holds a character that topic types may not hold.
    """

    type: str
    source: str

    def __post_init__(self) -> None:
        if not is_valid_topic_type(self.type):
            raise ValueError(f"Invalid topic type: {self.type}. Must match the pattern: {_TOPIC_TYPE.pattern}")

    def __str__(self) -> str:
        return f"{self.type}/{self.source}"

    @classmethod
    def from_str(cls, topic_id: str) -> Self:
        """Read "type/source"; the source may hold further slashes.

        Raises:
            ValueError: there is no slash, or the type is not valid.
        """
        type, slash, source = topic_id.partition("/")
        if not slash:
            raise ValueError(f"Invalid topic id: {topic_id}")
        return cls(type, source)


class DefaultTopicId(TopicId):
    """The topic that everybody means who names none.

    Args:
        type: the topic's type.
        source: its source; the key of the agent that is handling a message, outside of one "default".
    """

    def __init__(self, type: str = "default", source: str | None = None) -> None:
        super().__init__(type, _current_key() if source is None else source)

    def __eq__(self, other: object) -> bool:
        """Equal to any topic of that type and source: it is a way to write one, not another kind."""
        return isinstance(other, TopicId) and (self.type, self.source) == (other.type, other.source)

    def __hash__(self) -> int:
        return hash((self.type, self.source))

    def __repr__(self) -> str:
        return f"DefaultTopicId(type={self.type!r}, source={self.source!r})"


def _current_key() -> str:
    from .context import MessageHandlerContext

    try:
        return MessageHandlerContext.agent_id().key
    except RuntimeError:
        return "default"


class AgentMetadata(TypedDict):
    """What a runtime tells about an agent."""

    type: str
    key: str
    description: str
