"""`ClosureAgent`: a function as an agent; the shortest way to hear what agents publish."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, Protocol, TypeVar, get_type_hints

from ...cancellation import CancellationToken
from .agent import BaseAgent, subscribe_to_direct_messages
from .agent_runtime import AgentRuntime
from .context import AgentInstantiationContext, MessageContext, SubscriptionInstantiationContext
from .exceptions import CantHandleException
from .handlers import types_in
from .identity import AgentId, AgentType, TopicId
from .serialization import try_get_known_serializers_for_type
from .subscriptions import Subscription

T = TypeVar("T")

UnknownTypePolicy = Literal["error", "warn", "ignore"]


class ClosureContext(Protocol):
    """What a closure may do in the runtime."""

    @property
    def id(self) -> AgentId:
        """Who it is there."""
        ...

    async def send_message(
        self,
        message: Any,
        recipient: AgentId,
        *,
        cancellation_token: CancellationToken | None = None,
        message_id: str | None = None,
    ) -> Any:
        """Send to one agent and wait for its reply."""
        ...

    async def publish_message(
        self, message: Any, topic_id: TopicId, *, cancellation_token: CancellationToken | None = None
    ) -> None:
        """Publish to all agents that subscribe."""
        ...


Closure = Callable[[ClosureContext, T, MessageContext], Awaitable[Any]]


class ClosureAgent(BaseAgent, ClosureContext):
    """An agent that is a function: ``async def name(ctx: ClosureContext, message: T, mctx: MessageContext) -> R``.

    Args:
        description: what it is for.
        closure: the function; the hint of its second argument says which messages it takes.
        unknown_type_policy: what happens with others.

    Raises:
        RuntimeError: it is not a runtime that makes it; `register_closure` lets one.
        AssertionError: the second argument has no hint.
    """

    def __init__(
        self, description: str, closure: Closure[T], *, unknown_type_policy: UnknownTypePolicy = "warn"
    ) -> None:
        if not AgentInstantiationContext.is_in_factory_call():
            raise RuntimeError(
                "ClosureAgent must be instantiated within the context of an AgentRuntime: call "
                "`await ClosureAgent.register_closure(runtime, type, closure)`"
            )
        super().__init__(description)
        self._closure: Closure[Any] = closure
        self._takes = _taken_by(closure)
        self._unknown_type_policy = unknown_type_policy

    async def on_message_impl(self, message: Any, ctx: MessageContext) -> Any:
        """Call the function.

        Raises:
            CantHandleException: it does not take such a message, and the policy is "error".
        """
        if Any not in self._takes and type(message) not in self._takes:
            problem = f"Message type {type(message)} not in target types {self._takes} of {self.id}"
            if self._unknown_type_policy == "error":
                raise CantHandleException(problem)
            if self._unknown_type_policy == "warn":
                warnings.warn(f"{problem}; unknown_type_policy='ignore' says nothing", stacklevel=1)
            return None
        return await self._closure(self, message, ctx)

    async def save_state(self) -> Mapping[str, Any]:
        """Nothing: a function has no state that could be kept."""
        return {}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Nothing, as `save_state`."""

    @classmethod
    async def register_closure(
        cls,
        runtime: AgentRuntime,
        type: str,
        closure: Closure[T],
        *,
        unknown_type_policy: UnknownTypePolicy = "warn",
        skip_direct_message_subscription: bool = False,
        description: str = "",
        subscriptions: Callable[[], list[Subscription] | Awaitable[list[Subscription]]] | None = None,
    ) -> AgentType:
        """Let `closure` be an agent of `runtime`.

        Args:
            runtime: where it will live.
            type: its type there.
            closure: the function.
            unknown_type_policy: what happens with messages that it does not take.
            skip_direct_message_subscription: leave out the topics that begin with ``type:``.
            description: what it is for.
            subscriptions: makes what it subscribes to; `DefaultSubscription()` knows the type there.

        Raises:
            ValueError: the type is registered already.
            AssertionError: the second argument of `closure` has no hint.
        """
        function: Closure[Any] = closure
        # Unlike a method's, messages of a closure may be anything: `str` and `dict` too, of which nobody makes bytes.
        serializers = [try_get_known_serializers_for_type(kind) for kind in _taken_by(closure)]
        agent_type = await runtime.register_factory(
            type=AgentType(type),
            agent_factory=lambda: cls(description, function, unknown_type_policy=unknown_type_policy),
            expected_class=cls,
        )
        with SubscriptionInstantiationContext.populate_context(agent_type):
            made = subscriptions() if subscriptions else []
            wanted = await made if inspect.isawaitable(made) else made
        for subscription in wanted:
            await runtime.add_subscription(subscription)
        if not skip_direct_message_subscription:
            await subscribe_to_direct_messages(runtime, agent_type)
        for known in serializers:
            runtime.add_message_serializer(known)
        return agent_type


def _taken_by(closure: Callable[..., Any]) -> tuple[Any, ...]:
    """The message types in the hint of the closure's second argument (without `self`)."""
    parameters = list(inspect.signature(closure).parameters)
    function = closure if inspect.isroutine(closure) else type(closure).__call__
    hints = get_type_hints(function, localns=inspect.getclosurevars(function).nonlocals)
    if len(parameters) != 3 or parameters[1] not in hints:
        raise AssertionError(
            f"{closure!r} cannot be an agent: expected "
            "`async def name(ctx: ClosureContext, message: T, mctx: MessageContext)` with a hint for the message"
        )
    return types_in(hints[parameters[1]])
