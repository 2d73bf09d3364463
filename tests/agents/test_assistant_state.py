"""What remains of an assistant's turn when it is cancelled, fails, is saved or reset."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from nbagents.agents import AssistantAgent
from nbagents.cancellation import CancellationToken
from nbagents.memory import ListMemory, MemoryContent, UnboundedChatCompletionContext
from nbagents.messages import TextMessage
from nbagents.models import CreateResult, ReplayChatCompletionClient
from nbagents.tools import StaticWorkbench
from tests.agents.scripts import Waiting, calls, client, prompt

ADD = ("add", '{"a": 1, "b": 2}')


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def test_cancelling_in_a_tool_call_ends_it_and_the_next_run_goes_on() -> None:
    place, token = Waiting(), CancellationToken()

    async def wait() -> str:
        """Wait."""
        await place()
        return "done"

    model = client(calls(("wait", "{}")), "answer")
    agent = AssistantAgent("a", model, tools=[wait])
    running = asyncio.create_task(agent.run(task="go", cancellation_token=token))
    await place.reached.wait()
    token.cancel()
    async with asyncio.timeout(1):
        with pytest.raises(asyncio.CancelledError):
            await running
    assert place.cancelled and len(asyncio.all_tasks()) == 1
    await agent.run()
    assert prompt(model)[1:] == [("UserMessage", "go")]


async def test_cancelling_on_messages_outside_of_a_run_ends_the_tool_call() -> None:
    place, token = Waiting(), CancellationToken()

    async def wait() -> str:
        """Wait."""
        await place()
        return "done"

    agent = AssistantAgent("a", client(calls(("wait", "{}"))), tools=[wait])
    running = asyncio.create_task(agent.on_messages([TextMessage(content="go", source="user")], token))
    await place.reached.wait()
    token.cancel()
    async with asyncio.timeout(1):
        with pytest.raises(asyncio.CancelledError):
            await running
    assert place.cancelled and len(asyncio.all_tasks()) == 1


async def test_a_turn_that_failed_is_tried_again_without_hearing_twice() -> None:
    model = client(calls(ADD))
    agent = AssistantAgent("a", model, tools=[add], max_tool_iterations=2)
    message = TextMessage(content="go", source="user")
    with pytest.raises(ValueError, match="No more mock responses"):
        await agent.on_messages([message], CancellationToken())
    model.chat_completions.append("It is 3.")
    await agent.on_messages([message], CancellationToken())
    shown = [kind for kind, _ in prompt(model)]
    assert shown == ["SystemMessage", "UserMessage", "AssistantMessage", "FunctionExecutionResultMessage"]


async def test_state_has_autogens_shape_and_restores_exactly() -> None:
    agent = AssistantAgent("a", client("hi"))
    await agent.run(task="go")
    state = await agent.save_state()
    assert state == {"type": "AssistantAgentState", "version": "1.0.0", "llm_context": {"messages": [
        {"content": "go", "source": "user", "type": "UserMessage"},
        {"content": "hi", "thought": None, "source": "a", "type": "AssistantMessage"},
    ]}}  # fmt: skip
    other = AssistantAgent("a", client("hi"))
    await other.load_state(state)
    assert await other.save_state() == state


async def test_a_state_saved_in_the_middle_of_a_turn_is_not_heard_twice_when_loaded() -> None:
    agent, message = AssistantAgent("a", client()), TextMessage(content="go", source="user")
    with pytest.raises(ValueError, match="No more mock"):
        await agent.on_messages([message], CancellationToken())
    model = client("hi")
    other = AssistantAgent("a", model)
    await other.load_state(await agent.save_state())
    await other.on_messages([message], CancellationToken())
    assert prompt(model)[1:] == [("UserMessage", "go")]


async def test_the_state_of_workbenches_and_memories_that_have_one_is_saved() -> None:
    class Counting(StaticWorkbench):
        count = 0

        async def save_state(self) -> dict[str, Any]:
            return {"count": self.count}

        async def load_state(self, state: Any) -> None:
            self.count = state["count"]

    one, two = Counting([]), Counting([])
    one.count = 3
    state = await AssistantAgent("a", client(), workbench=one).save_state()
    await AssistantAgent("a", client(), workbench=two).load_state(state)
    assert two.count == 3


async def test_loading_a_state_of_an_empty_memory_forgets() -> None:
    memory = ListMemory()
    agent = AssistantAgent("a", client(), memory=[memory])
    empty = await agent.save_state()
    await memory.add(MemoryContent(content="later", mime_type="text/plain"))
    await agent.load_state(empty)
    assert memory.content == []


async def test_reset_clears_the_context() -> None:
    context = UnboundedChatCompletionContext()
    agent = AssistantAgent("a", client("hi"), model_context=context)
    await agent.run(task="go")
    await agent.on_reset(CancellationToken())
    assert agent.model_context is context and await context.get_messages() == []


async def test_cancelling_while_a_function_blocks_a_thread_does_not_wait_for_it() -> None:
    started, release, token = asyncio.Event(), threading.Event(), CancellationToken()
    loop = asyncio.get_running_loop()

    def block() -> str:
        """Block."""
        loop.call_soon_threadsafe(started.set)
        release.wait(10)
        return "late"

    agent = AssistantAgent("a", client(calls(("block", "{}"))), tools=[block])
    running = asyncio.create_task(agent.run(task="go", cancellation_token=token))
    await started.wait()
    token.cancel()
    try:
        async with asyncio.timeout(1):
            with pytest.raises(asyncio.CancelledError):
                await running
    finally:
        release.set()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("how", ["token", "task", "leaving"])
async def test_every_way_to_leave_ends_the_model_call(stream: bool, how: str) -> None:
    place, token = Waiting(), CancellationToken()

    class Slow(ReplayChatCompletionClient):
        async def create(self, *args: Any, **asked: Any) -> CreateResult:
            await place()
            raise AssertionError("unreachable")

        async def create_stream(self, *args: Any, **asked: Any) -> AsyncGenerator[str | CreateResult, None]:
            await place()
            yield "unreachable"

    agent = AssistantAgent("a", Slow([]), model_client_stream=stream)
    items = agent.run_stream(task="go", cancellation_token=token)
    assert isinstance(await anext(items), TextMessage)
    if how == "leaving":
        await place.reached.wait()
        async with asyncio.timeout(1):
            await items.aclose()
    else:
        running = asyncio.ensure_future(anext(items))
        await place.reached.wait()
        token.cancel() if how == "token" else running.cancel()
        async with asyncio.timeout(1):
            with pytest.raises(asyncio.CancelledError):
                await running
    assert place.cancelled and len(asyncio.all_tasks()) == 1
