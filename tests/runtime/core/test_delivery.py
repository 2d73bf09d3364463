"""What is sent and published reaches whom it should, in order, once per subscription, and never the publisher."""

from __future__ import annotations

import asyncio

import pytest

from nbagents.runtime import (
    AgentId,
    AgentProxy,
    DefaultTopicId,
    MessageContext,
    MessageHandlerContext,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    TopicId,
    TypePrefixSubscription,
    TypeSubscription,
    UndeliverableException,
    message_handler,
)

from .agents import TOPIC, Echo, Failing, Listener, Other, Said, Waiting, at, subscribed


async def test_a_sent_message_is_answered() -> None:
    runtime = SingleThreadedAgentRuntime()
    await Echo.register(runtime, "echo", Echo)
    runtime.start()

    assert await runtime.send_message(Said("hello"), AgentId("echo", "k")) == Said("HELLO")
    context = (await at(runtime, "echo")).contexts[0]
    assert context.is_rpc and context.topic_id is None and context.sender is None and context.message_id
    await runtime.stop()


async def test_an_unknown_recipient_is_an_error() -> None:
    with pytest.raises(UndeliverableException, match=r"^Recipient not found$"):
        await SingleThreadedAgentRuntime().send_message(Said("hello"), AgentId("nobody", "k"))


async def test_an_rpc_handlers_exception_goes_to_the_sender() -> None:
    runtime = SingleThreadedAgentRuntime(ignore_unhandled_exceptions=False)
    await Failing.register(runtime, "failing", Failing)
    runtime.start()

    with pytest.raises(ValueError, match="cannot hear hello"):
        await runtime.send_message(Said("hello"), AgentId("failing", "k"))
    await runtime.stop_when_idle()


async def test_agents_are_made_at_the_first_message_per_key() -> None:
    runtime = SingleThreadedAgentRuntime()
    await subscribed(runtime, Echo, "echo")
    runtime.start()
    assert await runtime.save_state() == {}

    await runtime.publish_message(Said("one"), TopicId("news", "ann"))
    await runtime.publish_message(Said("two"), TopicId("news", "bob"))
    await runtime.publish_message(Said("three"), TopicId("news", "ann"))
    await runtime.stop_when_idle()

    assert await runtime.save_state() == {"echo/ann": {"heard": ["one", "three"]}, "echo/bob": {"heard": ["two"]}}


async def test_an_agent_whose_factory_waits_is_made_once() -> None:
    runtime, made = SingleThreadedAgentRuntime(), list[Echo]()

    async def make() -> Echo:
        await asyncio.sleep(0)
        made.append(Echo())
        return made[-1]

    await Echo.register(runtime, "echo", make)
    runtime.start()
    await asyncio.gather(*(runtime.send_message(Said(str(n)), AgentId("echo", "k")) for n in range(5)))

    assert len(made) == 1 and made[0].heard == ["0", "1", "2", "3", "4"]
    await runtime.stop()


async def test_messages_are_handled_in_the_order_in_which_they_came() -> None:
    runtime = SingleThreadedAgentRuntime()
    await subscribed(runtime, Echo, "echo")
    runtime.start()

    for n in range(500):
        await runtime.publish_message(Said(str(n)), TOPIC)
    await runtime.send_message(Said("last"), AgentId("echo", "k"))

    assert (await at(runtime, "echo")).heard == [*map(str, range(500)), "last"]
    await runtime.stop()


async def test_handlers_overlap() -> None:
    runtime = SingleThreadedAgentRuntime()
    await Waiting.register(runtime, "waiting", Waiting)
    await Echo.register(runtime, "echo", Echo)
    runtime.start()
    waiting = await at(runtime, "waiting", Waiting)

    first = asyncio.ensure_future(runtime.send_message(Said("wait"), AgentId("waiting", "k")))
    await waiting.begun.wait()
    assert await runtime.send_message(Said("meanwhile"), AgentId("echo", "k")) == Said("MEANWHILE")
    waiting.let_go.set()
    assert await first == Said("wait")
    await runtime.stop()


async def test_two_matching_subscriptions_of_one_agent_deliver_twice() -> None:
    runtime = SingleThreadedAgentRuntime()
    await subscribed(runtime, Echo, "echo")
    await runtime.add_subscription(TypePrefixSubscription("ne", "echo"))
    runtime.start()

    await runtime.publish_message(Said("hello"), TOPIC)
    await runtime.stop_when_idle()

    assert (await at(runtime, "echo")).heard == ["hello", "hello"]


async def test_without_a_subscriber_a_publication_is_dropped() -> None:
    runtime = SingleThreadedAgentRuntime(ignore_unhandled_exceptions=False)
    runtime.start()
    await runtime.publish_message(Said("hello"), TOPIC)
    await runtime.stop_when_idle()


class Gossip(RoutedAgent):
    """Publishes on, once, what it hears."""

    def __init__(self) -> None:
        super().__init__("gossips")
        self.heard: list[str] = []

    @message_handler
    async def on_said(self, message: Said, ctx: MessageContext) -> None:
        self.heard.append(message.text)
        assert MessageHandlerContext.agent_id() == self.id
        if ctx.sender is None:
            await self.publish_message(Said(f"{message.text}!"), DefaultTopicId("news"))


async def test_the_publisher_does_not_hear_itself() -> None:
    runtime = SingleThreadedAgentRuntime()
    await subscribed(runtime, Gossip, "gossip")
    await subscribed(runtime, Echo, "echo")
    runtime.start()

    await runtime.publish_message(Said("hello"), TOPIC)
    await runtime.stop_when_idle()

    assert (await at(runtime, "gossip", Gossip)).heard == ["hello"]
    echo = await at(runtime, "echo")
    assert echo.heard == ["hello", "hello!"]
    assert echo.contexts[1].sender == AgentId("gossip", "k") and not echo.contexts[1].is_rpc


async def test_what_no_handler_takes_is_answered_with_none() -> None:
    runtime = SingleThreadedAgentRuntime()
    await Echo.register(runtime, "echo", Echo)
    runtime.start()
    assert await runtime.send_message(Other("?"), AgentId("echo", "k")) is None
    await runtime.stop()


async def test_a_class_decorated_with_default_subscription_hears_the_default_topic() -> None:
    runtime = SingleThreadedAgentRuntime()
    await Listener.register(runtime, "listener", Listener)
    await Listener.register(runtime, "deaf", Listener, skip_class_subscriptions=True)
    runtime.start()
    await runtime.publish_message(Said("hello"), DefaultTopicId())
    await runtime.publish_message(Said("you"), TopicId("deaf:x", "default"))
    await runtime.stop_when_idle()

    assert await runtime.save_state() == {
        "listener/default": {"heard": ["hello"]},
        # Registered with the prefix subscription for messages to it alone.
        "deaf/default": {"heard": ["you"]},
    }


async def test_a_manual_runtime_processes_one_message_at_a_time() -> None:
    runtime = SingleThreadedAgentRuntime()
    await subscribed(runtime, Echo, "echo")
    await runtime.publish_message(Said("one"), TOPIC)
    reply = asyncio.ensure_future(runtime.send_message(Said("two"), AgentId("echo", "k")))
    await asyncio.sleep(0)
    assert runtime.unprocessed_messages_count == 2

    await runtime.process_next()
    assert (await at(runtime, "echo")).heard == ["one"] and not reply.done()
    await runtime.process_next()
    assert await reply == Said("TWO")

    waiting = asyncio.ensure_future(runtime.process_next())
    await asyncio.sleep(0)
    assert not waiting.done()
    await runtime.publish_message(Said("three"), TOPIC)
    await waiting
    assert (await at(runtime, "echo")).heard == ["one", "two", "three"]


async def test_a_proxy_stands_for_an_agent() -> None:
    runtime = SingleThreadedAgentRuntime()
    await Echo.register(runtime, "echo", Echo)
    runtime.start()
    proxy = AgentProxy(AgentId("echo", "k"), runtime)

    assert await proxy.metadata == {"type": "echo", "key": "k", "description": "echoes"}
    assert await proxy.send_message(Said("a"), sender=AgentId("x", "y")) == Said("A")
    assert await proxy.save_state() == {"heard": ["a"]}
    await proxy.load_state({"heard": ["b"]})
    assert (await at(runtime, "echo")).heard == ["b"] and proxy.id == AgentId("echo", "k")
    await runtime.stop()


async def test_a_subscription_that_is_removed_no_longer_matches() -> None:
    runtime = SingleThreadedAgentRuntime()
    await Echo.register(runtime, "echo", Echo)
    subscription = TypeSubscription("news", "echo")
    await runtime.add_subscription(subscription)
    with pytest.raises(ValueError, match="Subscription already exists"):
        await runtime.add_subscription(TypeSubscription("news", "echo"))
    runtime.start()
    await runtime.publish_message(Said("one"), TOPIC)
    await runtime.send_message(Said("two"), AgentId("echo", "k"))
    await runtime.remove_subscription(subscription.id)
    await runtime.publish_message(Said("three"), TOPIC)
    await runtime.stop_when_idle()

    assert (await at(runtime, "echo")).heard == ["one", "two"]
    with pytest.raises(ValueError, match="Subscription does not exist"):
        await runtime.remove_subscription(subscription.id)
