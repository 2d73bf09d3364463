"""The agents of one in-process runtime: made by a factory when first needed, or registered as instances."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from .agent import Agent
from .context import AgentInstantiationContext
from .events import AgentConstructionExceptionEvent, event_logger
from .identity import AgentId, AgentType

if TYPE_CHECKING:
    from .agent_runtime import AgentRuntime

T = TypeVar("T", bound=Agent)

logger = logging.getLogger("nbagents.runtime")

Factory = Callable[[], Agent | Awaitable[Agent]]


class AgentRegistry:
    """Types, instances, and the way from an id to its agent."""

    def __init__(self, runtime: AgentRuntime) -> None:
        self._runtime = runtime
        self.instances: dict[AgentId, Agent] = {}
        self._factories: dict[str, tuple[Factory, type[Any] | None]] = {}
        self._classes: dict[str, type[Any]] = {}
        self._building: dict[AgentId, asyncio.Lock] = {}

    def knows(self, type: str) -> bool:
        """True when agents of this type exist or can be made."""
        return type in self._factories or type in self._classes

    def __iter__(self) -> Iterator[tuple[AgentId, Agent]]:
        return iter(list(self.instances.items()))

    def add_factory(self, type: AgentType, factory: Factory, expected_class: type[Any] | None) -> None:
        """Make agents of this type with `factory`.

        Raises:
            ValueError: the type is registered already.
        """
        if self.knows(type.type):
            raise ValueError(f"Agent with type {type} already exists.")
        self._factories[type.type] = (factory, expected_class)

    async def add_instance(self, agent: Agent, id: AgentId) -> None:
        """Let `agent` be that agent.

        Raises:
            ValueError: the id is taken, or its type has a factory or instances of another class.
        """
        if id in self.instances:
            raise ValueError(f"Agent with id {id} already exists.")
        if id.type in self._factories:
            raise ValueError("Agent factories and agent instances cannot be registered to the same type.")
        if self._classes.get(id.type, type(agent)) is not type(agent):
            raise ValueError("Agent instances must be the same object type.")
        await agent.bind_id_and_runtime(id=id, runtime=self._runtime)
        self._classes[id.type] = type(agent)
        self.instances[id] = agent

    async def agent(self, id: AgentId) -> Agent:
        """The agent with this id, made now if it is not there.

        Raises:
            LookupError: its type is not registered.
            Exception: what its factory raised.
        """
        found = self.instances.get(id)
        if found is not None:
            return found
        if not self.knows(id.type):
            raise LookupError(f"Agent with name {id.type} not found.")
        # A factory may wait: whoever needs the same agent meanwhile waits for it, and does not make a second one.
        async with self._building.setdefault(id, asyncio.Lock()):
            found = self.instances.get(id)
            if found is None:
                found = self.instances[id] = await self._made(id)
        self._building.pop(id, None)
        return found

    async def instance(self, id: AgentId, expected: type[T]) -> T:
        """As `agent`, when it is one of this class.

        Raises:
            LookupError: its type is not registered.
            TypeError: it is of another class.
        """
        agent = await self.agent(id)
        if not isinstance(agent, expected):
            raise TypeError(
                f"Agent with name {id.type} is not of type {expected.__name__}. It is of type {type(agent).__name__}"
            )
        return agent

    async def _made(self, id: AgentId) -> Agent:
        if id.type not in self._factories:
            raise RuntimeError(
                "Agent factory was invoked for an agent instance that was not registered: there is no agent "
                f"{id}, and agents of the type {id.type!r} are registered as instances, so none can be made. Something "
                "is published on a topic whose source is no instance's key: register an instance with the key "
                f"{id.key!r}, or register the type with a factory"
            )
        factory, expected = self._factories[id.type]
        try:
            with AgentInstantiationContext.populate_context((self._runtime, id)):
                made = factory()
                agent = await made if inspect.isawaitable(made) else made
                await agent.bind_id_and_runtime(id=id, runtime=self._runtime)
        except Exception as error:
            if event_logger.isEnabledFor(logging.INFO):
                event_logger.info(AgentConstructionExceptionEvent(agent_id=id, exception=error))
            logger.error("Error constructing agent %s", id, exc_info=True)
            raise
        if expected is not None and not isinstance(agent, expected):
            raise ValueError(
                f"Factory registered using the wrong type: expected {expected.__name__}, got {type(agent).__name__}"
            )
        return agent
