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
    assert token._callbacks == []
