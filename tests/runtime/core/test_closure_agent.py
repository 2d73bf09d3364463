"""A function as an agent: it hears what its hint says, and what happens with the rest is its policy."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from nbagents.runtime import (
    AgentId,
    CantHandleException,
    ClosureAgent,
    ClosureContext,
    DefaultSubscription,
    DefaultTopicId,
    MessageContext,
    SingleThreadedAgentRuntime,
    Subscription,
)

from .agents import Other, Said


class Collected:
    """A runtime with a closure that notes what it hears."""

    def __init__(self) -> None:
        self.runtime = SingleThreadedAgentRuntime()
        self.heard: list[tuple[str, str]] = []

    async def collect(self, ctx: ClosureContext, message: Said, mctx: MessageContext) -> str:
        self.heard.append((message.text, str(ctx.id)))
        return message.text.upper()

    async def register(self, policy: Any = "warn") -> None:
        def subscriptions() -> list[Subscription]:
            return [DefaultSubscription()]

        await ClosureAgent.register_closure(
            self.runtime,
            "closure",
            self.collect,
            unknown_type_policy=policy,
            description="collects",
            subscriptions=subscriptions,
        )
        self.runtime.start()


async def test_a_closure_hears_what_it_subscribes_to_and_answers() -> None:
    collected = Collected()
    await collected.register()
    await collected.runtime.publish_message(Said("one"), DefaultTopicId())
    assert await collected.runtime.send_message(Said("two"), AgentId("closure", "k")) == "TWO"
    assert collected.heard == [("one", "closure/default"), ("two", "closure/k")]
    metadata = await collected.runtime.agent_metadata(AgentId("closure", "k"))
    assert metadata == {"type": "closure", "key": "k", "description": "collects"}
    await collected.runtime.stop()


async def test_what_a_closure_does_not_take_is_an_error_a_warning_or_nothing() -> None:
    for policy in ("error", "warn", "ignore"):
        collected = Collected()
        await collected.register(policy)
        sending = collected.runtime.send_message(Other("a"), AgentId("closure", "k"))
        if policy == "error":
            with pytest.raises(CantHandleException, match="not in target types"):
                await sending
        elif policy == "warn":
            with pytest.warns(UserWarning, match="not in target types"):
                assert await sending is None
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                assert await sending is None
        assert collected.heard == []
        await collected.runtime.stop()


async def test_a_closure_may_take_several_classes_or_all() -> None:
    heard: list[Any] = []

    async def two(ctx: ClosureContext, message: Said | Other, mctx: MessageContext) -> None:
        heard.append(message)

    async def all_of_them(ctx: ClosureContext, message: Any, mctx: MessageContext) -> None:
        heard.append(message)

    runtime = SingleThreadedAgentRuntime()
    await ClosureAgent.register_closure(runtime, "two", two, unknown_type_policy="error")
    await ClosureAgent.register_closure(runtime, "all", all_of_them, unknown_type_policy="error")
    runtime.start()
    for message in (Said("a"), Other("b")):
        await runtime.send_message(message, AgentId("two", "k"))
    await runtime.send_message(17, AgentId("all", "k"))
    assert heard == [Said("a"), Other("b"), 17]
    await runtime.stop()


async def test_a_closure_without_a_hint_is_refused_at_registration() -> None:
    async def unhinted(ctx, message, mctx):  # type: ignore[no-untyped-def]  # this is what is tested
        """Takes what?"""

    with pytest.raises(AssertionError, match="with a hint for the message"):
        await ClosureAgent.register_closure(SingleThreadedAgentRuntime(), "unhinted", unhinted)


async def test_messages_of_a_closure_need_no_serializer() -> None:
    async def double(ctx: ClosureContext, message: str | dict[str, int], mctx: MessageContext) -> Any:
        return message * 2 if isinstance(message, str) else None

    runtime = SingleThreadedAgentRuntime()
    await ClosureAgent.register_closure(runtime, "double", double, unknown_type_policy="error")
    runtime.start()
    assert await runtime.send_message("ab", AgentId("double", "k")) == "abab"
    await runtime.stop()


def test_only_a_runtime_makes_a_closure_agent() -> None:
    async def nothing(ctx: ClosureContext, message: Said, mctx: MessageContext) -> None:
        """Hears."""

    with pytest.raises(RuntimeError, match="must be instantiated within the context of an AgentRuntime"):
        ClosureAgent("hears", nothing)


async def test_a_runtime_with_a_closure_can_be_saved_and_loaded() -> None:
    collected = Collected()
    await collected.register()
    await collected.runtime.get("closure", lazy=False)
    state = await collected.runtime.save_state()
    assert state == {"closure/default": {}}
    await collected.runtime.load_state(state)
    await collected.runtime.stop()
