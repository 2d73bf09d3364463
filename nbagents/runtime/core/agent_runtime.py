"""`AgentRuntime`: what agents, teams and programs ask of a runtime, wherever its agents live."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

from ...cancellation import CancellationToken
from .agent import Agent
from .identity import AgentId, AgentMetadata, AgentType, TopicId
from .serialization import MessageSerializer
from .subscriptions import Subscription

T = TypeVar("T", bound=Agent)


@runtime_checkable
class AgentRuntime(Protocol):
    """Makes agents when they are first needed and carries messages between them.

    Calling the protocol itself, ``AgentRuntime()``, gives the in-process one, a `SingleThreadedAgentRuntime`.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is not AgentRuntime:
            return super().__new__(cls)
        from .single_threaded import SingleThreadedAgentRuntime

        return super().__new__(SingleThreadedAgentRuntime)

    async def send_message(
        self,
        message: Any,
        recipient: AgentId,
        *,
        sender: AgentId | None = None,
        cancellation_token: CancellationToken | None = None,
        message_id: str | None = None,
    ) -> Any:
        """Send to one agent and wait for its reply.

        Args:
            message: what is sent.
            recipient: who receives it; made now if it was not there.
            sender: who sends; None from outside of the runtime.
            cancellation_token: ends the handling.
            message_id: by default a new one.

        Returns:
            What the handler returned.

        Raises:
            UndeliverableException: nobody can receive it.
            MessageDroppedException: an intervention handler dropped it or its reply.
            Exception: what the handler raised.
        """
        ...

    async def publish_message(
        self,
        message: Any,
        topic_id: TopicId,
        *,
        sender: AgentId | None = None,
        cancellation_token: CancellationToken | None = None,
        message_id: str | None = None,
    ) -> None:
        """Publish to all agents whose subscriptions match, but for the sender; nobody's reply is awaited."""
        ...

    async def register_factory(
        self,
        type: str | AgentType,
        agent_factory: Callable[[], T | Awaitable[T]],
        *,
        expected_class: type[T] | None = None,
    ) -> AgentType:
        """Say how agents of this type are made; one per key, when a message first needs it.

        Args:
            type: the type, new to this runtime.
            agent_factory: makes one.
            expected_class: what it must make.

        Raises:
            ValueError: the type is registered already.
        """
        ...

    async def register_agent_instance(self, agent_instance: Agent, agent_id: AgentId) -> AgentId:
        """Let this object be that agent.

        Raises:
            ValueError: the id is taken, or its type has a factory or instances of another class.
        """
        ...

    async def try_get_underlying_agent_instance(self, id: AgentId, type: type[T] = Agent) -> T:  # type: ignore[assignment]  # the default of AutoGen's signature
        """The agent object itself, where it lives in this process.

        Raises:
            LookupError: its type is not registered.
            NotAccessibleError: it lives elsewhere.
            TypeError: it is not a `type`.
        """
        ...

    async def get(
        self, id_or_type: AgentId | AgentType | str, /, key: str = "default", *, lazy: bool = True
    ) -> AgentId:
        """The id of an agent.

        Args:
            id_or_type: its id, or its type, which takes `key`.
            key: which one of that type.
            lazy: False makes the agent now.
        """
        ...

    async def save_state(self) -> Mapping[str, Any]:
        """The state of all agents that were made, by the text of their ids; JSON."""
        ...

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Make the agents in `state` and give each its own; what `save_state` returned."""
        ...

    async def agent_metadata(self, agent: AgentId) -> AgentMetadata:
        """What the runtime tells about an agent."""
        ...

    async def agent_save_state(self, agent: AgentId) -> Mapping[str, Any]:
        """The state of one agent; JSON."""
        ...

    async def agent_load_state(self, agent: AgentId, state: Mapping[str, Any]) -> None:
        """Give one agent its state back."""
        ...

    async def add_subscription(self, subscription: Subscription) -> None:
        """Let a subscription match from now on.

        Raises:
            ValueError: an equal one is there.
        """
        ...

    async def remove_subscription(self, id: str) -> None:
        """Let a subscription match no longer.

        Raises:
            ValueError: there is none with this id.
        """
        ...

    def add_message_serializer(self, serializer: MessageSerializer[Any] | Sequence[MessageSerializer[Any]]) -> None:
        """Say how messages of a type become bytes, for runtimes that send them elsewhere and for logs."""
        ...
