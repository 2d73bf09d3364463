"""Cancelling a token, or whoever awaits a reply, ends the handler; and no token collects callbacks."""

from __future__ import annotations

import asyncio

import pytest

from nbagents.cancellation import CancellationToken
from nbagents.runtime import AgentId, MessageContext, RoutedAgent, SingleThreadedAgentRuntime, message_handler

from .agents import TOPIC, Echo, Said, Waiting, at, subscribed

WAITING = AgentId("waiting", "k")


class Nesting(RoutedAgent):
    """Passes its message on to one who waits."""

    def __init__(self) -> None:
        super().__init__("nests")
        self.cancelled = False

    @message_handler
    async def on_said(self, message: Said, ctx: MessageContext) -> Said:
        try:
            answer = await self.send_message(message, WAITING, cancellation_token=ctx.cancellation_token)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        assert isinstance(answer, Said)
        return answer


async def nested() -> tuple[SingleThreadedAgentRuntime, Nesting, Waiting]:
    runtime = SingleThreadedAgentRuntime()
    await subscribed(runtime, Waiting, "waiting")
    await Nesting.register(runtime, "nesting", Nesting)
    runtime.start()
    return runtime, await at(runtime, "nesting", Nesting), await at(runtime, "waiting", Waiting)


async def test_a_cancelled_token_ends_nested_handlers() -> None:
    before = asyncio.all_tasks()
    runtime, nesting, waiting = await nested()
    token = CancellationToken()
    sending = asyncio.ensure_future(runtime.send_message(Said("a"), AgentId("nesting", "k"), cancellation_token=token))
    await waiting.begun.wait()
    token.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert sending.cancelled() and nesting.cancelled and waiting.cancelled
    assert asyncio.all_tasks() == before
    await runtime.stop()


@pytest.mark.parametrize("how", ["cancel", "wait_for"])
async def test_cancelling_who_awaits_the_reply_ends_nested_handlers(how: str) -> None:
    before = asyncio.all_tasks()
    runtime, nesting, waiting = await nested()
    sending = asyncio.ensure_future(runtime.send_message(Said("a"), AgentId("nesting", "k")))
    await waiting.begun.wait()
    if how == "cancel":
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    else:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sending, 0.01)
    assert nesting.cancelled and waiting.cancelled
    assert asyncio.all_tasks() == before
    await runtime.stop_when_idle()


async def test_a_message_that_nobody_waits_for_any_more_is_not_delivered() -> None:
    runtime = SingleThreadedAgentRuntime()
    await Echo.register(runtime, "echo", Echo)
    sending = asyncio.ensure_future(runtime.send_message(Said("a"), AgentId("echo", "k")))
    await asyncio.sleep(0)
    sending.cancel()
    await asyncio.wait([sending])
    runtime.start()
    await asyncio.wait_for(runtime.stop_when_idle(), 1)
    assert (await at(runtime, "echo")).heard == []


async def test_a_cancelled_token_ends_the_handlers_of_a_publication() -> None:
    runtime, _, waiting = await nested()
    token = CancellationToken()
    await runtime.publish_message(Said("a"), TOPIC, cancellation_token=token)
    await waiting.begun.wait()
    token.cancel()
    await asyncio.wait_for(runtime.stop_when_idle(), 1)
    assert waiting.cancelled


async def test_a_handlers_context_has_the_senders_token() -> None:
    runtime, token = SingleThreadedAgentRuntime(), CancellationToken()
    await Echo.register(runtime, "echo", Echo)
    runtime.start()
    await runtime.send_message(Said("a"), AgentId("echo", "k"), cancellation_token=token)
    assert (await at(runtime, "echo")).contexts[0].cancellation_token is token
    await runtime.stop()


async def test_a_token_keeps_no_callbacks_of_what_has_ended() -> None:
    runtime, token = SingleThreadedAgentRuntime(), CancellationToken()
    await subscribed(runtime, Echo, "echo")
    runtime.start()
    for n in range(100):
        await runtime.send_message(Said(str(n)), AgentId("echo", "k"), cancellation_token=token)
        await runtime.publish_message(Said(str(n)), TOPIC, cancellation_token=token)
    await runtime.stop_when_idle()
    await asyncio.sleep(0)
    assert not token._callbacks


async def test_what_is_linked_is_cancelled_at_once_on_its_own_loop() -> None:
    token, loop = CancellationToken(), asyncio.get_running_loop()
    before, after = loop.create_future(), loop.create_future()
    token.link_future(before)
    token.cancel()
    assert before.cancelled()
    assert token.link_future(after).cancelled()


async def test_another_thread_may_cancel() -> None:
    token, future = CancellationToken(), asyncio.get_running_loop().create_future()
    token.link_future(future)
    await asyncio.to_thread(token.cancel)
    with pytest.raises(asyncio.CancelledError):
        await future


def test_a_future_of_a_loop_that_is_gone_is_left_alone() -> None:
    token, loop = CancellationToken(), asyncio.new_event_loop()
    token.link_future(loop.create_future())
    loop.close()
    token.cancel()


def test_a_callback_that_fails_keeps_no_other_from_being_called() -> None:
    token, called = CancellationToken(), list[str]()

    def fail() -> None:
        raise ValueError("cannot")

    for callback in (fail, lambda: called.append("a"), fail, lambda: called.append("b")):
        token.add_callback(callback)
    with pytest.raises(ValueError, match="cannot"):
        token.cancel()
    assert called == ["a", "b"]
