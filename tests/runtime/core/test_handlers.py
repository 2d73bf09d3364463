"""`@message_handler`, `@event` and `@rpc`: which method takes a message, and what its hints promise."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import pytest

from nbagents.cancellation import CancellationToken
from nbagents.runtime import (
    AgentId,
    CantHandleException,
    MessageContext,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    event,
    message_handler,
    rpc,
)

from .agents import TOPIC, Other, Said, at, subscribed


class Routed(RoutedAgent):
    """Notes which method took what."""

    def __init__(self) -> None:
        super().__init__("routes")
        self.took: list[str] = []

    @event
    async def an_event(self, message: Said, ctx: MessageContext) -> None:
        self.took.append(f"event {message.text}")

    @rpc
    async def an_rpc(self, message: Said, ctx: MessageContext) -> Said:
        self.took.append(f"rpc {message.text}")
        return message

    @message_handler(match=lambda message, ctx: message.text.startswith("b"))
    async def b_first(self, message: Other, ctx: MessageContext) -> str:
        return "b_first"

    @message_handler(match=lambda message, ctx: message.text.startswith("bb"))
    async def b_second(self, message: Other, ctx: MessageContext) -> str:
        return "b_second"

    @message_handler
    async def c_rest(self, message: Other, ctx: MessageContext) -> str:
        return "c_rest"


async def test_events_are_publications_and_rpcs_are_sends() -> None:
    runtime = SingleThreadedAgentRuntime()
    await subscribed(runtime, Routed, "routed")
    runtime.start()
    await runtime.publish_message(Said("one"), TOPIC)
    assert await runtime.send_message(Said("two"), AgentId("routed", "k")) == Said("two")
    assert (await at(runtime, "routed", Routed)).took == ["event one", "rpc two"]
    await runtime.stop()


@pytest.mark.parametrize(("text", "method"), [("bb", "b_first"), ("b", "b_first"), ("x", "c_rest")])
async def test_the_first_match_in_alphabetical_order_takes_the_message(text: str, method: str) -> None:
    runtime = SingleThreadedAgentRuntime()
    await Routed.register(runtime, "routed", Routed)
    runtime.start()
    assert await runtime.send_message(Other(text), AgentId("routed", "k")) == method
    await runtime.stop()


class Exact(RoutedAgent):
    @message_handler
    async def on_said(self, message: Said | Other, ctx: MessageContext) -> str:
        return "taken"


@dataclass
class Louder(Said):
    """A kind of `Said`."""


async def test_a_message_is_taken_by_its_exact_class_and_a_union_names_several() -> None:
    runtime = SingleThreadedAgentRuntime()
    await Exact.register(runtime, "exact", lambda: Exact("takes two classes"))
    runtime.start()
    agent_id = AgentId("exact", "k")
    assert await runtime.send_message(Said("a"), agent_id) == "taken"
    assert await runtime.send_message(Other("a"), agent_id) == "taken"
    assert await runtime.send_message(Louder("a"), agent_id) is None
    await runtime.stop()


class Promises(RoutedAgent):
    @message_handler
    async def strictly(self, message: Said, ctx: MessageContext) -> Said:
        return "not what was promised"  # type: ignore[return-value]  # this is what is tested

    @message_handler(strict=False)
    async def loosely(self, message: Other, ctx: MessageContext) -> Said:
        return "not what was promised"  # type: ignore[return-value]  # this is what is tested


async def test_an_answer_of_another_class_than_hinted_is_an_error_or_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    runtime = SingleThreadedAgentRuntime()
    await Promises.register(runtime, "promises", lambda: Promises("breaks them"))
    runtime.start()
    with pytest.raises(ValueError, match=r"Return type .*str.* not in return types"):
        await runtime.send_message(Said("a"), AgentId("promises", "k"))
    with caplog.at_level(logging.WARNING):
        assert await runtime.send_message(Other("a"), AgentId("promises", "k")) == "not what was promised"
    assert "not in return types" in caplog.text
    await runtime.stop()


async def test_a_handler_called_with_another_class_raises() -> None:
    runtime = SingleThreadedAgentRuntime()
    await Promises.register(runtime, "promises", lambda: Promises("breaks them"))
    agent = await at(runtime, "promises", Promises)
    context = MessageContext(None, None, True, CancellationToken(), "id")
    # Also one that lives in no runtime yet.
    for called in (agent, Promises("breaks them")):
        with pytest.raises(CantHandleException, match="not in target types"):
            await called.strictly(Other("a"), context)


def test_a_handler_without_a_hint_for_its_message_is_refused() -> None:
    with pytest.raises(AssertionError, match="message parameter not found"):

        class Unhinted(RoutedAgent):
            @message_handler
            async def on_anything(self, message, ctx):  # type: ignore[no-untyped-def]  # this is what is tested
                """Takes what?"""


def test_the_hints_may_name_classes_of_the_function_around() -> None:
    @dataclass
    class Local:
        text: str

    class Inner(RoutedAgent):
        @message_handler
        async def on_local(self, message: Local, ctx: MessageContext) -> Local:
            return message

    assert Inner.on_local.target_types == [Local]  # type: ignore[attr-defined]  # the decorator adds it


class Child(Routed):
    @message_handler
    async def c_rest(self, message: Other, ctx: MessageContext) -> str:
        return "the child's"


async def test_a_child_class_replaces_a_handler_of_its_parent() -> None:
    runtime = SingleThreadedAgentRuntime()
    await Child.register(runtime, "child", Child)
    await Routed.register(runtime, "parent", Routed)
    runtime.start()
    assert await runtime.send_message(Other("x"), AgentId("child", "k")) == "the child's"
    assert await runtime.send_message(Other("x"), AgentId("parent", "k")) == "c_rest"
    await runtime.stop()


async def test_a_message_class_that_cannot_be_serialised_is_refused_at_registration() -> None:
    class Unwritable(RoutedAgent):
        @message_handler
        async def on_int(self, message: int, ctx: MessageContext) -> None:
            """Takes a number."""

    runtime = SingleThreadedAgentRuntime()
    with pytest.raises(ValueError, match="No serializers found for type <class 'int'>"):
        await Unwritable.register(runtime, "unwritable", lambda: Unwritable("numbers"))
    # Nothing of it was registered.
    with pytest.raises(LookupError):
        await runtime.get("unwritable", lazy=False)
