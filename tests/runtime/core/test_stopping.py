"""Starting, stopping, failing: nothing hangs, and nothing is left running."""

from __future__ import annotations

import asyncio
import logging

import pytest

from nbagents.runtime import (
    AgentId,
    DefaultInterventionHandler,
    DropMessage,
    MessageContext,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    TopicId,
    TypePrefixSubscription,
    UndeliverableException,
    message_handler,
)

from .agents import TOPIC, Echo, Failing, Said, Waiting, at, subscribed


async def test_a_runtime_starts_once_and_stops_once() -> None:
    runtime = SingleThreadedAgentRuntime()
    with pytest.raises(RuntimeError, match="Runtime is not started"):
        await runtime.stop()
    runtime.start()
    with pytest.raises(RuntimeError, match="Runtime is already started"):
        runtime.start()
    await runtime.stop()
    await runtime.start()
    await runtime.stop_when_idle()


async def test_a_quiet_runtime_has_no_task() -> None:
    before = asyncio.all_tasks()
    runtime = SingleThreadedAgentRuntime()
    await subscribed(runtime, Echo, "echo")
    runtime.start()
    await runtime.send_message(Said("hello"), AgentId("echo", "k"))
    assert asyncio.all_tasks() == before
    await runtime.stop()


async def test_stop_discards_the_queue_and_tells_who_awaits_a_reply() -> None:
    runtime = SingleThreadedAgentRuntime()
    await subscribed(runtime, Echo, "echo")
    runtime.start()
    reply = asyncio.ensure_future(runtime.send_message(Said("two"), AgentId("echo", "k")))
    # It sends, and before the loop turns to the message `stop` comes.
    await asyncio.ensure_future(runtime.stop())
    with pytest.raises(UndeliverableException, match="stopped before the message was delivered"):
        await asyncio.wait_for(reply, 1)
    runtime.start()
    await runtime.stop_when_idle()
    assert (await at(runtime, "echo")).heard == []


async def test_stop_lets_a_running_handler_end() -> None:
    runtime = SingleThreadedAgentRuntime()
    await subscribed(runtime, Waiting, "waiting")
    runtime.start()
    waiting = await at(runtime, "waiting", Waiting)
    await runtime.publish_message(Said("wait"), TOPIC)
    await waiting.begun.wait()
    asyncio.get_running_loop().call_soon(waiting.let_go.set)
    await runtime.stop()
    assert not waiting.cancelled


async def test_stop_cancels_a_handler_that_does_not_end() -> None:
    before = asyncio.all_tasks()
    runtime = SingleThreadedAgentRuntime()
    await subscribed(runtime, Waiting, "waiting")
    runtime.start()
    waiting = await at(runtime, "waiting", Waiting)
    await runtime.publish_message(Said("wait"), TOPIC)
    await waiting.begun.wait()
    await asyncio.wait_for(runtime.stop(), 1)
    assert waiting.cancelled and asyncio.all_tasks() == before


async def test_whoever_awaits_a_handler_that_stop_cancels_is_told() -> None:
    runtime = SingleThreadedAgentRuntime()
    await subscribed(runtime, Waiting, "waiting")
    runtime.start()
    waiting = await at(runtime, "waiting", Waiting)
    sending = asyncio.ensure_future(runtime.send_message(Said("wait"), AgentId("waiting", "k")))
    await waiting.begun.wait()
    await asyncio.wait_for(runtime.stop(), 1)
    with pytest.raises(UndeliverableException, match="stopped while the message was handled"):
        await asyncio.wait_for(sending, 1)
    assert waiting.cancelled


async def test_stop_when_idle_waits_for_what_handlers_publish() -> None:
    runtime = SingleThreadedAgentRuntime()

    class Relay(RoutedAgent):
        @message_handler
        async def on_said(self, message: Said, ctx: MessageContext) -> None:
            await asyncio.sleep(0)
            if len(message.text) < 20:
                await runtime.publish_message(Said(message.text + "."), TOPIC)

    await subscribed(runtime, Echo, "echo")
    await Relay.register(runtime, "relay", lambda: Relay("relays"))
    await runtime.add_subscription(TypePrefixSubscription("new", "relay"))
    runtime.start()
    await runtime.publish_message(Said(""), TOPIC)
    await asyncio.wait_for(runtime.stop_when_idle(), 5)
    assert len((await at(runtime, "echo")).heard) == 21


async def test_stop_when_idle_in_a_handler_is_an_error_and_no_deadlock() -> None:
    runtime = SingleThreadedAgentRuntime()

    class Impatient(RoutedAgent):
        @message_handler
        async def on_said(self, message: Said, ctx: MessageContext) -> None:
            await runtime.stop_when_idle()

    await Impatient.register(runtime, "impatient", lambda: Impatient("stops"))
    runtime.start()
    with pytest.raises(RuntimeError, match="would wait for itself"):
        await asyncio.wait_for(runtime.send_message(Said("now"), AgentId("impatient", "k")), 1)
    await asyncio.wait_for(runtime.stop_when_idle(), 1)


async def test_a_handler_may_stop_its_runtime() -> None:
    runtime = SingleThreadedAgentRuntime()

    class Stopper(RoutedAgent):
        @message_handler
        async def on_said(self, message: Said, ctx: MessageContext) -> Said:
            await runtime.stop()
            return message

    await Stopper.register(runtime, "stopper", lambda: Stopper("stops"))
    runtime.start()
    assert await asyncio.wait_for(runtime.send_message(Said("now"), AgentId("stopper", "k")), 1) == Said("now")
    with pytest.raises(RuntimeError, match="not started"):
        await runtime.stop()


async def test_stop_when_asks_its_condition_when_a_handler_ended() -> None:
    runtime = SingleThreadedAgentRuntime()
    await subscribed(runtime, Echo, "echo")
    runtime.start()
    echo = await at(runtime, "echo")
    for n in range(3):
        await runtime.publish_message(Said(str(n)), TOPIC)
    await asyncio.wait_for(runtime.stop_when(lambda: len(echo.heard) == 3), 5)
    assert echo.heard == ["0", "1", "2"]


async def test_stop_when_sees_a_condition_that_no_message_makes_true() -> None:
    runtime, true = SingleThreadedAgentRuntime(), asyncio.Event()
    runtime.start()
    asyncio.get_running_loop().call_later(0.01, true.set)
    await asyncio.wait_for(runtime.stop_when(true.is_set), 2)


async def test_close_stops_and_closes_the_agents() -> None:
    closed: list[AgentId] = []

    class Closing(Echo):
        async def close(self) -> None:
            closed.append(self.id)

    runtime = SingleThreadedAgentRuntime()
    await Closing.register(runtime, "closing", Closing)
    runtime.start()
    await runtime.send_message(Said("hello"), AgentId("closing", "a"))
    await runtime.close()
    assert closed == [AgentId("closing", "a")]
    await runtime.close()
    assert len(closed) == 2


# Failures ------------------------------------------------------------------------------------------------------


async def test_ignored_exceptions_of_event_handlers_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    runtime = SingleThreadedAgentRuntime()
    await subscribed(runtime, Failing, "failing")
    await subscribed(runtime, Echo, "echo")
    runtime.start()
    with caplog.at_level(logging.ERROR):
        await runtime.publish_message(Said("one"), TOPIC)
        await runtime.publish_message(Said("two"), TOPIC)
        await runtime.stop_when_idle()
    assert [record.message for record in caplog.records] == ["Error processing publish message for failing/k"] * 2
    assert (await at(runtime, "echo")).heard == ["one", "two"]


async def test_an_exception_of_an_event_handler_stops_processing_and_is_raised_by_stop_when_idle() -> None:
    runtime = SingleThreadedAgentRuntime(ignore_unhandled_exceptions=False)
    await subscribed(runtime, Failing, "failing")
    await subscribed(runtime, Echo, "echo")
    runtime.start()
    await runtime.publish_message(Said("one"), TOPIC)
    with pytest.raises(ValueError, match="cannot hear one"):
        await asyncio.wait_for(runtime.stop_when_idle(), 1)
    await runtime.start()
    await runtime.stop_when_idle()


async def test_whoever_sends_after_a_failure_is_told_and_does_not_wait_for_ever() -> None:
    runtime = SingleThreadedAgentRuntime(ignore_unhandled_exceptions=False)
    await subscribed(runtime, Failing, "failing")
    await Echo.register(runtime, "echo", Echo)
    runtime.start()
    await runtime.publish_message(Said("one"), TOPIC)
    await runtime.send_message(Said("first"), AgentId("echo", "k"))
    with pytest.raises(UndeliverableException, match="stopped processing when a handler raised"):
        await asyncio.wait_for(runtime.send_message(Said("second"), AgentId("echo", "k")), 1)
    with pytest.raises(ValueError, match="cannot hear one"):
        await runtime.stop()


async def test_an_exception_of_an_event_handler_is_raised_by_the_next_process_next() -> None:
    runtime = SingleThreadedAgentRuntime(ignore_unhandled_exceptions=False)
    await subscribed(runtime, Failing, "failing")
    await runtime.publish_message(Said("one"), TOPIC)
    await runtime.process_next()
    await asyncio.sleep(0)
    with pytest.raises(ValueError, match="cannot hear one"):
        await asyncio.wait_for(runtime.process_next(), 1)


async def test_a_subscription_that_fails_stops_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(TypePrefixSubscription):
        def map_to_agent(self, topic_id: TopicId) -> AgentId:
            raise LookupError("nobody")

    runtime = SingleThreadedAgentRuntime()
    await subscribed(runtime, Echo, "echo")
    await runtime.add_subscription(Broken("bad", "echo"))
    runtime.start()
    await runtime.publish_message(Said("one"), TopicId("bad", "k"))
    await runtime.publish_message(Said("two"), TOPIC)
    await asyncio.wait_for(runtime.stop_when_idle(), 1)
    assert (await at(runtime, "echo")).heard == ["two"] and "nobody" in caplog.text


@pytest.mark.parametrize("outcome", ["drop", "raise"])
async def test_stop_when_idle_returns_after_a_message_was_dropped_or_an_intervention_raised(outcome: str) -> None:
    class Censor(DefaultInterventionHandler):
        async def on_publish(self, message: object, *, message_context: MessageContext) -> object:
            if outcome == "raise":
                raise ValueError("no")
            return DropMessage

    runtime = SingleThreadedAgentRuntime(intervention_handlers=[Censor()])
    await subscribed(runtime, Echo, "echo")
    runtime.start()
    await runtime.publish_message(Said("one"), TOPIC)
    await asyncio.wait_for(runtime.stop_when_idle(), 1)
    assert (await at(runtime, "echo")).heard == []
