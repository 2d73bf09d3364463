"""What code may ask about where it is: who handles a message, which agent is built, which type subscribes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...cancellation import CancellationToken
from .identity import AgentId, AgentType, TopicId

if TYPE_CHECKING:
    from .agent_runtime import AgentRuntime


@dataclass
class MessageContext:
    """What a handler is told beside the message.

    Args:
        sender: who sent it; None when it came from outside of the runtime.
        topic_id: what it was published on; None when it was sent to this agent alone.
        is_rpc: True when a reply is awaited.
        cancellation_token: ends the handling.
        message_id: the same for every receiver of one publication.
    """

    sender: AgentId | None
    topic_id: TopicId | None
    is_rpc: bool
    cancellation_token: CancellationToken
    message_id: str


# The dispatcher sets this directly: each delivery has a context of its own.
HANDLING: ContextVar[AgentId] = ContextVar("nbagents_handling")
_BUILDING: ContextVar[tuple[AgentRuntime, AgentId]] = ContextVar("nbagents_building")
_SUBSCRIBING: ContextVar[AgentType] = ContextVar("nbagents_subscribing")


class MessageHandlerContext:
    """Whose handler is running."""

    def __init__(self) -> None:
        raise RuntimeError("MessageHandlerContext cannot be instantiated: it has class methods only.")

    @classmethod
    @contextmanager
    def populate_context(cls, ctx: AgentId) -> Iterator[None]:
        """Let `ctx` be the agent that is handling a message within."""
        token = HANDLING.set(ctx)
        try:
            yield
        finally:
            HANDLING.reset(token)

    @classmethod
    def agent_id(cls) -> AgentId:
        """The agent whose handler is running.

        Raises:
            RuntimeError: no handler is.
        """
        agent_id = HANDLING.get(None)
        if agent_id is None:
            raise RuntimeError("MessageHandlerContext.agent_id() must be called within a message handler.")
        return agent_id


class AgentInstantiationContext:
    """Which agent a factory is asked for, and by which runtime."""

    def __init__(self) -> None:
        raise RuntimeError("AgentInstantiationContext cannot be instantiated: it has class methods only.")

    @classmethod
    @contextmanager
    def populate_context(cls, ctx: tuple[AgentRuntime, AgentId]) -> Iterator[None]:
        """Let `ctx` be the runtime and the id for which an agent is built within."""
        token = _BUILDING.set(ctx)
        try:
            yield
        finally:
            _BUILDING.reset(token)

    @classmethod
    def current_runtime(cls) -> AgentRuntime:
        """The runtime that builds the agent.

        Raises:
            RuntimeError: no agent is being built.
        """
        return cls._current("runtime")[0]

    @classmethod
    def current_agent_id(cls) -> AgentId:
        """The id that the agent will have.

        Raises:
            RuntimeError: no agent is being built.
        """
        return cls._current("agent_id")[1]

    @classmethod
    def is_in_factory_call(cls) -> bool:
        """True while a runtime builds an agent."""
        return _BUILDING.get(None) is not None

    @classmethod
    def _current(cls, name: str) -> tuple[AgentRuntime, AgentId]:
        current = _BUILDING.get(None)
        if current is None:
            raise RuntimeError(
                f"AgentInstantiationContext.{name}() must be called within an instantiation context: in an agent's "
                "__init__ or in its factory, while a runtime makes the agent."
            )
        return current


class SubscriptionInstantiationContext:
    """For which type of agent subscriptions are being made."""

    def __init__(self) -> None:
        raise RuntimeError("SubscriptionInstantiationContext cannot be instantiated: it has class methods only.")

    @classmethod
    @contextmanager
    def populate_context(cls, ctx: AgentType) -> Iterator[None]:
        """Let `ctx` be the type that subscribes within."""
        token = _SUBSCRIBING.set(ctx)
        try:
            yield
        finally:
            _SUBSCRIBING.reset(token)

    @classmethod
    def agent_type(cls) -> AgentType:
        """The type that subscribes.

        Raises:
            RuntimeError: no type is being registered.
        """
        current = _SUBSCRIBING.get(None)
        if current is None:
            raise RuntimeError(
                "SubscriptionInstantiationContext.agent_type() must be called within an instantiation context: in a "
                "subscription callback, while a type of agent is registered."
            )
        return current
