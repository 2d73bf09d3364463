"""Agents that the tests of the core share: what they heard can be looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbagents.runtime import (
    AgentId,
    MessageContext,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    TopicId,
    TypeSubscription,
    default_subscription,
    message_handler,
)


@dataclass
class Said:
    text: str


@dataclass
class Other:
    text: str


class Echo(RoutedAgent):
    """Answers what it hears, in capitals."""

    def __init__(self) -> None:
        super().__init__("echoes")
        self.heard: list[str] = []
        self.contexts: list[MessageContext] = []

    @message_handler
    async def on_said(self, message: Said, ctx: MessageContext) -> Said:
        self.heard.append(message.text)
        self.contexts.append(ctx)
        return Said(message.text.upper())

    async def save_state(self) -> Mapping[str, Any]:
        return {"heard": self.heard}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        self.heard = list(state["heard"])


@default_subscription
class Listener(Echo):
    """Hears the default topic."""


class Failing(RoutedAgent):
    """Raises on everything."""

    def __init__(self) -> None:
        super().__init__("fails")

    @message_handler
    async def on_said(self, message: Said, ctx: MessageContext) -> Said:
        raise ValueError(f"cannot hear {message.text}")


class Waiting(RoutedAgent):
    """Begins, and waits until it is let go or cancelled."""

    def __init__(self) -> None:
        super().__init__("waits")
        self.begun = asyncio.Event()
        self.let_go = asyncio.Event()
        self.cancelled = False

    @message_handler
    async def on_said(self, message: Said, ctx: MessageContext) -> Said:
        self.begun.set()
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return message


TOPIC = TopicId("news", "k")


async def subscribed(runtime: SingleThreadedAgentRuntime, agent: type[RoutedAgent], type: str) -> None:
    """Register an agent class under `type` and subscribe it to the topic type "news"."""
    await agent.register(runtime, type, agent)
    await runtime.add_subscription(TypeSubscription("news", type))


async def at(runtime: SingleThreadedAgentRuntime, type: str, expected: Any = Echo, key: str = "k") -> Any:
    """The agent's object."""
    return await runtime.try_get_underlying_agent_instance(AgentId(type, key), expected)
