"""Intervention handlers see, change and drop messages and replies; whoever waits is told."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from nbagents.cancellation import CancellationToken
from nbagents.runtime import (
    EVENT_LOGGER_NAME,
    AgentId,
    DefaultInterventionHandler,
    DropMessage,
    Gate,
    MessageContext,
    MessageDroppedException,
    SingleThreadedAgentRuntime,
    UndeliverableException,
    current_gate,
    passing,
)

from .agents import TOPIC, Echo, Said, at, subscribed


class Scripted(DefaultInterventionHandler):
    """Does with every message of one kind what the test says."""

    def __init__(self, on: str, does: Any) -> None:
        self.on, self.does = on, does
        self.seen: list[Any] = []

    def _answer(self, on: str, message: Any) -> Any:
        if on != self.on:
            return message
        self.seen.append(message)
        if isinstance(self.does, Exception):
            raise self.does
        return self.does

    async def on_send(self, message: Any, *, message_context: MessageContext, recipient: AgentId) -> Any:
        return self._answer("send", message)

    async def on_publish(self, message: Any, *, message_context: MessageContext) -> Any:
        return self._answer("publish", message)

    async def on_response(self, message: Any, *, sender: AgentId, recipient: AgentId | None) -> Any:
        return self._answer("response", message)


async def with_handlers(*handlers: DefaultInterventionHandler) -> SingleThreadedAgentRuntime:
    runtime = SingleThreadedAgentRuntime(intervention_handlers=list(handlers))
    await subscribed(runtime, Echo, "echo")
    runtime.start()
    return runtime


ECHO = AgentId("echo", "k")


async def test_a_message_may_be_changed_by_one_handler_after_the_other() -> None:
    first, second = Scripted("send", Said("changed")), Scripted("send", Said("again"))
    runtime = await with_handlers(first, second)
    assert await runtime.send_message(Said("hello"), ECHO) == Said("AGAIN")
    assert second.seen == [Said("changed")]
    await runtime.stop()


async def test_a_publication_may_be_changed() -> None:
    runtime = await with_handlers(Scripted("publish", Said("changed")))
    await runtime.publish_message(Said("hello"), TOPIC)
    await runtime.stop_when_idle()
    assert (await at(runtime, "echo")).heard == ["changed"]


async def test_a_reply_may_be_changed() -> None:
    runtime = await with_handlers(Scripted("response", Said("changed")))
    assert await runtime.send_message(Said("hello"), ECHO) == Said("changed")
    await runtime.stop()


@pytest.mark.parametrize("drop", [DropMessage, DropMessage()], ids=["class", "instance"])
@pytest.mark.parametrize("on", ["send", "response"])
async def test_a_dropped_message_or_reply_is_an_error_of_the_sender_and_stop_when_idle_returns(
    on: str, drop: Any
) -> None:
    runtime = await with_handlers(Scripted(on, drop))
    with pytest.raises(MessageDroppedException, match="Scripted dropped the"):
        await runtime.send_message(Said("hello"), ECHO)
    assert (await at(runtime, "echo")).heard == ([] if on == "send" else ["hello"])
    await asyncio.wait_for(runtime.stop_when_idle(), 1)


async def test_a_reply_is_logged_before_it_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    runtime = await with_handlers(Scripted("response", DropMessage))
    with caplog.at_level(logging.INFO, logger=EVENT_LOGGER_NAME), pytest.raises(MessageDroppedException):
        await runtime.send_message(Said("a"), ECHO)
    reply, dropped = [record.msg.kwargs for record in caplog.records if record.name == EVENT_LOGGER_NAME][-2:]
    assert (reply["type"], reply["kind"]) == ("Message", "MessageKind.RESPOND")
    assert (dropped["type"], dropped["payload"]) == ("MessageDropped", reply["payload"])
    await runtime.stop_when_idle()


@pytest.mark.parametrize("on", ["send", "response"])
async def test_an_exception_of_a_handler_goes_to_the_sender_and_stop_when_idle_returns(on: str) -> None:
    runtime = await with_handlers(Scripted(on, ValueError("no")))
    with pytest.raises(ValueError, match="no"):
        await runtime.send_message(Said("hello"), ECHO)
    await asyncio.wait_for(runtime.stop_when_idle(), 1)


async def test_a_handler_that_forgets_to_return_changes_nothing_and_is_warned_about() -> None:
    runtime = await with_handlers(Scripted("send", None))
    with pytest.warns(RuntimeWarning, match="Scripted returned None: the message goes on unchanged"):
        assert await runtime.send_message(Said("hello"), ECHO) == Said("HELLO")
    await runtime.stop()


async def test_messages_stay_in_order_while_a_handler_waits() -> None:
    class Slow(DefaultInterventionHandler):
        async def on_publish(self, message: Any, *, message_context: MessageContext) -> Any:
            for _ in range(10 - int(message.text)):
                await asyncio.sleep(0)
            return message

    runtime = await with_handlers(Slow())
    for n in range(10):
        await runtime.publish_message(Said(str(n)), TOPIC)
    await asyncio.wait_for(runtime.stop_when_idle(), 5)
    assert (await at(runtime, "echo")).heard == [str(n) for n in range(10)]


async def test_a_sender_that_no_longer_waits_ends_the_handler_and_the_queue_goes_on() -> None:
    began = asyncio.Event()

    class Asking(DefaultInterventionHandler):
        async def on_send(self, message: Any, *, message_context: MessageContext, recipient: AgentId) -> Any:
            if message.text == "ask":
                began.set()
                await asyncio.Event().wait()
            return message

    runtime = await with_handlers(Asking())
    for how in ("task", "token"):
        began.clear()
        token = CancellationToken()
        sending = asyncio.ensure_future(runtime.send_message(Said("ask"), ECHO, cancellation_token=token))
        await began.wait()
        _ = sending.cancel() if how == "task" else token.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(sending, 1)
        assert await asyncio.wait_for(runtime.send_message(Said(how), ECHO), 1) == Said(how.upper())
    await asyncio.wait_for(runtime.stop_when_idle(), 1)


async def test_a_handlers_effects_pass_the_gate_of_the_sender() -> None:
    seen: list[Gate] = []

    class Looking(DefaultInterventionHandler):
        async def on_publish(self, message: Any, *, message_context: MessageContext) -> Any:
            seen.append(current_gate())
            return message

    runtime, gates = await with_handlers(Looking()), [Gate(), Gate()]
    for gate in gates:
        with passing(gate):
            await runtime.publish_message(Said("a"), TOPIC)
    await runtime.stop_when_idle()
    assert seen == gates


async def test_stop_ends_a_handler_that_waits_for_ever() -> None:
    began = asyncio.Event()

    class Stuck(DefaultInterventionHandler):
        async def on_send(self, message: Any, *, message_context: MessageContext, recipient: AgentId) -> Any:
            began.set()
            await asyncio.Event().wait()

    runtime = await with_handlers(Stuck())
    sending = asyncio.ensure_future(runtime.send_message(Said("hello"), ECHO))
    await began.wait()
    await asyncio.wait_for(runtime.stop(), 1)
    with pytest.raises(UndeliverableException, match="stopped before"):
        await asyncio.wait_for(sending, 1)
