"""The half of a runtime that has nothing to do with messages: which agents it hosts, and what they subscribe to."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeGuard, TypeVar

from .agent import Agent, BaseAgent
from .agent_runtime import AgentRuntime
from .identity import AgentId, AgentMetadata, AgentType
from .registry import AgentRegistry
from .routing import Routes
from .serialization import MessageSerializer, SerializationRegistry
from .subscriptions import Subscription

T = TypeVar("T", bound=Agent)


class HostingRuntime(AgentRuntime):
    """A runtime whose agents live in this process; how messages reach them is its subclasses' affair."""

    def __init__(self) -> None:
        self._registry = AgentRegistry(self)
        self._routes = Routes()
        self._serializers = SerializationRegistry()

    # Agents ------------------------------------------------------------------------------------------------

    async def register(self, type: str, agent_factory: Callable[[], Agent | Awaitable[Agent]]) -> AgentType:
        """Let this runtime make agents under `type`: a class with its subscriptions, or any factory.

        Raises:
            ValueError: the type is registered already.
        """
        if _is_agent_class(agent_factory):
            return await agent_factory.register(self, type, agent_factory)
        return await self.register_factory(type, agent_factory)

    async def register_factory(
        self,
        type: str | AgentType,
        agent_factory: Callable[[], T | Awaitable[T]],
        *,
        expected_class: type[T] | None = None,
    ) -> AgentType:
        agent_type = AgentType(type) if isinstance(type, str) else type
        self._registry.add_factory(agent_type, agent_factory, expected_class)
        return agent_type

    async def register_agent_instance(self, agent_instance: Agent, agent_id: AgentId) -> AgentId:
        await self._registry.add_instance(agent_instance, agent_id)
        return agent_id

    async def try_get_underlying_agent_instance(self, id: AgentId, type: type[T] = Agent) -> T:  # type: ignore[assignment]  # the default of AutoGen's signature
        return await self._registry.instance(id, type)

    async def get(
        self, id_or_type: AgentId | AgentType | str, /, key: str = "default", *, lazy: bool = True
    ) -> AgentId:
        agent_id = id_or_type if isinstance(id_or_type, AgentId) else AgentId(id_or_type, key)
        if not lazy:
            await self._registry.agent(agent_id)
        return agent_id

    async def agent_metadata(self, agent: AgentId) -> AgentMetadata:
        return (await self._registry.agent(agent)).metadata

    # State -------------------------------------------------------------------------------------------------

    async def save_state(self) -> Mapping[str, Any]:
        return {str(agent_id): dict(await agent.save_state()) for agent_id, agent in self._registry}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        for name, agent_state in state.items():
            agent_id = AgentId.from_str(name)
            if self._registry.knows(agent_id.type):
                await (await self._registry.agent(agent_id)).load_state(agent_state)
            else:
                warnings.warn(f"state of {name} not loaded: no type {agent_id.type!r} is registered", stacklevel=2)

    async def agent_save_state(self, agent: AgentId) -> Mapping[str, Any]:
        return await (await self._registry.agent(agent)).save_state()

    async def agent_load_state(self, agent: AgentId, state: Mapping[str, Any]) -> None:
        await (await self._registry.agent(agent)).load_state(state)

    # Subscriptions and serialisers -------------------------------------------------------------------------

    async def add_subscription(self, subscription: Subscription) -> None:
        self._routes.add(subscription)

    async def remove_subscription(self, id: str) -> None:
        self._routes.remove(id)

    def add_message_serializer(self, serializer: MessageSerializer[Any] | Sequence[MessageSerializer[Any]]) -> None:
        self._serializers.add_serializer(serializer)


def _is_agent_class(factory: Any) -> TypeGuard[type[BaseAgent]]:
    return isinstance(factory, type) and issubclass(factory, BaseAgent)
