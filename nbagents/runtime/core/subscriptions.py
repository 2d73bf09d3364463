"""Who hears what: a subscription matches topics and says which agent receives them."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload, runtime_checkable

from .context import SubscriptionInstantiationContext
from .exceptions import CantHandleException
from .identity import AgentId, AgentType, TopicId

if TYPE_CHECKING:
    from .agent import BaseAgent


@runtime_checkable
class Subscription(Protocol):
    """Which topics reach which agent."""

    @property
    def id(self) -> str:
        """What `AgentRuntime.remove_subscription` takes; unique."""
        ...

    def __eq__(self, other: object) -> bool: ...

    def is_match(self, topic_id: TopicId) -> bool:
        """True when what is published on `topic_id` is to be received."""
        ...

    def map_to_agent(self, topic_id: TopicId) -> AgentId:
        """The agent that receives it.

        Raises:
            CantHandleException: the topic does not match.
        """
        ...


UnboundSubscription = Callable[[], "list[Subscription] | Awaitable[list[Subscription]]"]
"""Makes a class's subscriptions at its registration, when its agent type is known."""


class _ByTopicType(Subscription):
    """What looks at a topic's type only; the topic's source is the agent's key.

    Args:
        said: what the topic type is compared with.
        agent_type: who receives.
        id: by default a new one.
    """

    def __init__(self, said: str, agent_type: str | AgentType, id: str | None) -> None:
        self._said = said
        self._agent_type = agent_type.type if isinstance(agent_type, AgentType) else agent_type
        self._id = id or str(uuid.uuid4())

    @property
    def id(self) -> str:
        return self._id

    @property
    def agent_type(self) -> str:
        """The type of agent that receives."""
        return self._agent_type

    def map_to_agent(self, topic_id: TopicId) -> AgentId:
        if not self.is_match(topic_id):
            raise CantHandleException("TopicId does not match the subscription")
        return AgentId(self._agent_type, topic_id.source)

    def _equals(self, other: _ByTopicType) -> bool:
        return self._id == other._id or (self._agent_type, self._said) == (other._agent_type, other._said)

    # Two that are equal may have different ids: there is no hash that agrees with that.
    __hash__ = None  # type: ignore[assignment]  # how Python says "not hashable"


class TypeSubscription(_ByTopicType):
    """Topics of exactly this type reach agents of this type; the topic's source is the agent's key.

    Args:
        topic_type: the topic type, matched exactly.
        agent_type: who receives.
        id: by default a new one.
    """

    def __init__(self, topic_type: str, agent_type: str | AgentType, id: str | None = None) -> None:
        super().__init__(topic_type, agent_type, id)

    @property
    def topic_type(self) -> str:
        """The topic type that is matched."""
        return self._said

    def is_match(self, topic_id: TopicId) -> bool:
        return topic_id.type == self._said

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TypeSubscription) and self._equals(other)


class TypePrefixSubscription(_ByTopicType):
    """Topics whose type begins with a prefix reach agents of this type; the topic's source is the agent's key.

    Args:
        topic_type_prefix: how the topic type begins.
        agent_type: who receives.
        id: by default a new one.
    """

    def __init__(self, topic_type_prefix: str, agent_type: str | AgentType, id: str | None = None) -> None:
        super().__init__(topic_type_prefix, agent_type, id)

    @property
    def topic_type_prefix(self) -> str:
        """How the topic types begin that are matched."""
        return self._said

    def is_match(self, topic_id: TopicId) -> bool:
        return topic_id.type.startswith(self._said)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TypePrefixSubscription) and self._equals(other)


class DefaultSubscription(TypeSubscription):
    """The topic "default" reaches agents of the type that is being registered.

    Args:
        topic_type: another topic type than "default".
        agent_type: who receives; needed outside of a subscription callback.

    Raises:
        CantHandleException: no `agent_type`, and no type is being registered.
    """

    def __init__(self, topic_type: str = "default", agent_type: str | AgentType | None = None) -> None:
        if agent_type is None:
            try:
                agent_type = SubscriptionInstantiationContext.agent_type()
            except RuntimeError as error:
                raise CantHandleException(
                    "If agent_type is not specified DefaultSubscription must be created within the subscription "
                    "callback in AgentRuntime.register, or by a class decorator: give it agent_type=..."
                ) from error
        super().__init__(topic_type, agent_type)


AgentClass = TypeVar("AgentClass", bound="type[BaseAgent]")


def subscription_factory(subscription: UnboundSubscription) -> Callable[[AgentClass], AgentClass]:
    """A class decorator: `subscription()` is called, and its result added, when the class is registered."""

    def decorate(cls: AgentClass) -> AgentClass:
        # A new list: `BaseAgent` itself may be decorated by nobody.
        cls.internal_unbound_subscriptions_list = [*cls.internal_unbound_subscriptions_list, subscription]
        return cls

    return decorate


@overload
def default_subscription(cls: AgentClass) -> AgentClass: ...


@overload
def default_subscription(cls: None = None) -> Callable[[AgentClass], AgentClass]: ...


def default_subscription(cls: Any = None) -> Any:
    """A class decorator, with or without parentheses: agents of this class receive the default topic."""
    decorate: Callable[[Any], Any] = subscription_factory(lambda: [DefaultSubscription()])
    return decorate if cls is None else decorate(cls)


def type_subscription(topic_type: str) -> Callable[[AgentClass], AgentClass]:
    """A class decorator: agents of this class receive topics of this type."""
    return subscription_factory(lambda: [DefaultSubscription(topic_type=topic_type)])
