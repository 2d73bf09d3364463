"""`BaseAgent`: what lives in a runtime under an `AgentId` and handles messages, one coroutine per message."""

from __future__ import annotations

import inspect
import warnings
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, runtime_checkable

from ...cancellation import CancellationToken
from .context import AgentInstantiationContext, MessageContext, SubscriptionInstantiationContext
from .identity import AgentId, AgentMetadata, AgentType, TopicId
from .serialization import MessageSerializer, try_get_known_serializers_for_type
from .subscriptions import Subscription, TypePrefixSubscription, TypeSubscription, UnboundSubscription

if TYPE_CHECKING:
    from .agent_runtime import AgentRuntime


MessageClass = type[Any]


@runtime_checkable
class Agent(Protocol):
    """What a runtime asks of an agent."""

    @property
    def metadata(self) -> AgentMetadata:
        """Its type, key and description."""
        ...

    @property
    def id(self) -> AgentId:
        """Its id in the runtime."""
        ...

    async def bind_id_and_runtime(self, id: AgentId, runtime: AgentRuntime) -> None:
        """The runtime tells the agent who it is and where."""
        ...

    async def on_message(self, message: Any, ctx: MessageContext) -> Any:
        """Handle one message; what it returns is the reply."""
        ...

    async def save_state(self) -> Mapping[str, Any]:
        """All that it must not forget; JSON."""
        ...

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `save_state` returned."""
        ...

    async def close(self) -> None:
        """The runtime closes; release what is held."""
        ...


class BaseAgent(ABC, Agent):
    """An agent that a runtime makes through a factory, or takes as an instance.

    Args:
        description: what it is for.
    """

    internal_unbound_subscriptions_list: ClassVar[list[UnboundSubscription]] = []
    """What the decorators of this very class subscribe to."""
    internal_extra_handles_types: ClassVar[list[tuple[type[Any], list[MessageSerializer[Any]]]]] = []
    """Message types that are handled beside those of the handlers' hints, with their serialisers."""

    def __init__(self, description: str) -> None:
        if not isinstance(description, str):
            raise ValueError(f"Agent description must be a string, not {description!r}")
        self._description = description
        if AgentInstantiationContext.is_in_factory_call():
            self._runtime = AgentInstantiationContext.current_runtime()
            self._id = AgentInstantiationContext.current_agent_id()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Lists of their own: what is added to a class is not its parent's.
        cls.internal_extra_handles_types = list(cls.internal_extra_handles_types)
        # And not its children's: as AutoGen's. A child may be decorated as its parent is, without hearing all twice.
        cls.internal_unbound_subscriptions_list = []

    @property
    def metadata(self) -> AgentMetadata:
        return AgentMetadata(key=self.id.key, type=self.id.type, description=self._description)

    @property
    def type(self) -> str:
        """Its type in the runtime."""
        return self.id.type

    @property
    def id(self) -> AgentId:
        try:
            return self._id
        except AttributeError:
            raise self._not_in_a_runtime() from None

    @property
    def runtime(self) -> AgentRuntime:
        """The runtime that it lives in."""
        try:
            return self._runtime
        except AttributeError:
            raise self._not_in_a_runtime() from None

    def _not_in_a_runtime(self) -> AttributeError:
        # So that `hasattr` says False, and does not raise.
        name = type(self).__name__
        return AttributeError(
            f"this {name} is in no runtime yet: register it with `await {name}.register(runtime, type, factory)` "
            "or `await agent.register_instance(runtime, agent_id)`"
        )

    async def bind_id_and_runtime(self, id: AgentId, runtime: AgentRuntime) -> None:
        """The runtime tells the agent who it is and where.

        Raises:
            RuntimeError: it is another one already, or lives elsewhere.
        """
        if getattr(self, "_id", id) != id:
            raise RuntimeError(f"Agent is already bound to a different ID: it is {self._id}, not {id}")
        if getattr(self, "_runtime", runtime) is not runtime:
            raise RuntimeError(f"Agent is already bound to a different runtime: {self._id} lives in another one")
        self._id, self._runtime = id, runtime

    # Not `async`: it would be one more coroutine for every message.
    def on_message(self, message: Any, ctx: MessageContext) -> Coroutine[Any, Any, Any]:
        """Handle one message; what it returns is the reply."""
        return self.on_message_impl(message, ctx)

    @abstractmethod
    async def on_message_impl(self, message: Any, ctx: MessageContext) -> Any:
        """What the agent does with a message; what it returns is the reply."""

    async def send_message(
        self,
        message: Any,
        recipient: AgentId,
        *,
        cancellation_token: CancellationToken | None = None,
        message_id: str | None = None,
    ) -> Any:
        """Send to one agent and wait for its reply; see `AgentRuntime.send_message`."""
        return await self.runtime.send_message(
            message, recipient, sender=self.id, cancellation_token=cancellation_token, message_id=message_id
        )

    async def publish_message(
        self, message: Any, topic_id: TopicId | None, *, cancellation_token: CancellationToken | None = None
    ) -> None:
        """Publish to all agents that subscribe, but for this one; see `AgentRuntime.publish_message`.

        Args:
            message: what is published.
            topic_id: on what; None, as in the context of a message that was sent to this agent alone, means the
                default topic with this agent's key.
            cancellation_token: ends the handling.
        """
        topic = TopicId("default", self.id.key) if topic_id is None else topic_id
        await self.runtime.publish_message(message, topic, sender=self.id, cancellation_token=cancellation_token)

    async def save_state(self) -> Mapping[str, Any]:
        """Nothing, with a warning: an agent that has a state overrides this and `load_state`."""
        warnings.warn(f"save_state not implemented by {type(self).__name__}", stacklevel=2)
        return {}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Nothing, with a warning: an agent that has a state overrides this and `save_state`."""
        warnings.warn(f"load_state not implemented by {type(self).__name__}", stacklevel=2)

    async def close(self) -> None:
        """Nothing; an agent that holds something overrides this."""

    # Registering --------------------------------------------------------------------------------------------

    @classmethod
    async def register(
        cls,
        runtime: AgentRuntime,
        type: str,
        factory: Callable[[], Self | Awaitable[Self]],
        *,
        skip_class_subscriptions: bool = False,
        skip_direct_message_subscription: bool = False,
    ) -> AgentType:
        """Let `runtime` make agents of this class under `type`.

        Args:
            runtime: where they will live.
            type: their type there.
            factory: makes one; `AgentInstantiationContext` says which.
            skip_class_subscriptions: leave out what the class decorators subscribe to.
            skip_direct_message_subscription: leave out the topics that begin with ``type:``.

        Raises:
            ValueError: the type is registered already, or a message type that is handled cannot be serialised.
        """
        handled = cls._handles_types()
        agent_type = await runtime.register_factory(type=AgentType(type), agent_factory=factory, expected_class=cls)
        if not skip_class_subscriptions:
            await cls._subscribe(runtime, agent_type)
        if not skip_direct_message_subscription:
            await subscribe_to_direct_messages(runtime, agent_type)
        for _, serializers in handled:
            runtime.add_message_serializer(serializers)
        return agent_type

    async def register_instance(
        self,
        runtime: AgentRuntime,
        agent_id: AgentId,
        *,
        skip_class_subscriptions: bool = True,
        skip_direct_message_subscription: bool = False,
    ) -> AgentId:
        """Let this object live in `runtime` as `agent_id`; the arguments are those of `register`.

        It hears topics whose type is its key: one with the key "default" hears the default topic.

        Raises:
            ValueError: the id is taken, or its type has a factory or instances of another class, or subscribes already.
        """
        handled = self._handles_types()
        agent_id = await runtime.register_agent_instance(agent_instance=self, agent_id=agent_id)
        await runtime.add_subscription(TypeSubscription(agent_id.key, agent_id.type))
        if not skip_class_subscriptions:
            await self._subscribe(runtime, AgentType(agent_id.type))
        if not skip_direct_message_subscription:
            await subscribe_to_direct_messages(runtime, AgentType(agent_id.type))
        for _, serializers in handled:
            runtime.add_message_serializer(serializers)
        return agent_id

    @classmethod
    def _handles_types(cls) -> list[tuple[MessageClass, list[MessageSerializer[Any]]]]:
        """The message types that are handled, each with its serialisers.

        Raises:
            ValueError: one cannot be serialised.
        """
        return list(cls.internal_extra_handles_types)

    @classmethod
    def _unbound_subscriptions(cls) -> list[UnboundSubscription]:
        """What the class decorators subscribe to."""
        return cls.internal_unbound_subscriptions_list

    @classmethod
    async def _subscribe(cls, runtime: AgentRuntime, agent_type: AgentType) -> None:
        with SubscriptionInstantiationContext.populate_context(agent_type):
            wanted: list[Subscription] = []
            for make in cls._unbound_subscriptions():
                made = make()
                wanted += await made if inspect.isawaitable(made) else made
        for subscription in wanted:
            await runtime.add_subscription(subscription)


def serializers_of(message_type: type[Any]) -> list[MessageSerializer[Any]]:
    """How messages of this type become bytes.

    Raises:
        ValueError: nobody knows.
    """
    found = try_get_known_serializers_for_type(message_type)
    if not found:
        raise ValueError(f"No serializers found for type {message_type}.")
    return found


async def subscribe_to_direct_messages(runtime: AgentRuntime, agent_type: AgentType) -> None:
    """Let agents of this type receive the topics that begin with ``type:``."""
    try:
        await runtime.add_subscription(TypePrefixSubscription(f"{agent_type.type}:", agent_type))
    except ValueError:
        # A second instance of the type: its first one has subscribed.
        return
