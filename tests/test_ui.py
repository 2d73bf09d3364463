"""A run on the terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from nbagents.agents import AssistantAgent, Response, TaskResult, UserProxyAgent
from nbagents.cancellation import CancellationToken
from nbagents.messages import (
    BaseAgentEvent,
    BaseChatMessage,
    ModelClientStreamingChunkEvent,
    SelectorEvent,
    TextMessage,
)
from nbagents.teams import RoundRobinGroupChat
from nbagents.ui import Console, UserInputManager
from tests.agents.scripts import Spoken, calls, client, thinking


def add(a: int, b: int) -> int:
    """Add."""
    return a + b


async def test_each_item_has_a_title_and_the_result_is_returned(capsys: pytest.CaptureFixture[str]) -> None:
    agent = AssistantAgent("a", client(calls(("add", '{"a": 1, "b": 2}'))), tools=[add])
    result = await Console(agent.run_stream(task="go"))
    assert isinstance(result, TaskResult)
    titles = [line for line in capsys.readouterr().out.splitlines() if line.startswith("-----")]
    assert titles == [
        f"---------- {title} ----------"
        for title in ("TextMessage (user)", "ToolCallRequestEvent (a)", "ToolCallExecutionEvent (a)",
                      "ToolCallSummaryMessage (a)")
    ]  # fmt: skip


async def test_streamed_text_is_not_printed_twice(capsys: pytest.CaptureFixture[str]) -> None:
    agent = AssistantAgent("a", Spoken([thinking("one two", "hmm")]), model_client_stream=True)
    await Console(agent.run_stream(task="go"))
    assert capsys.readouterr().out == (
        "---------- TextMessage (user) ----------\ngo\n"
        "---------- ModelClientStreamingChunkEvent (a) ----------\none two\n"
        "---------- ThoughtEvent (a) ----------\nhmm\n"
    )


async def test_a_choice_that_was_streamed_is_not_printed_twice(capsys: pytest.CaptureFixture[str]) -> None:
    async def choice() -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | TaskResult, None]:
        yield ModelClientStreamingChunkEvent(content="an", source="m")
        yield ModelClientStreamingChunkEvent(content="n", source="m")
        yield SelectorEvent(content="ann", source="m")
        yield TaskResult(messages=[])

    await Console(choice())
    assert capsys.readouterr().out == "---------- ModelClientStreamingChunkEvent (m) ----------\nann\n"


async def test_stats_are_tokens_per_message_and_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    team = RoundRobinGroupChat([AssistantAgent("a", client(thinking("hi", "")))], max_turns=1)
    await Console(team.run_stream(task="go"), output_stats=True)
    out = capsys.readouterr().out
    assert "[Prompt tokens: 3, Completion tokens: 2]" in out
    assert "---------- Summary ----------\nNumber of messages: 2\nFinish reason: Maximum number of turns 1" in out
    assert "Total prompt tokens: 3\nTotal completion tokens: 2\nDuration: 0." in out


async def test_a_response_is_shown_and_returned(capsys: pytest.CaptureFixture[str]) -> None:
    agent = AssistantAgent("a", client("hi"))
    stream = agent.on_messages_stream([TextMessage(content="go", source="user")], CancellationToken())
    response = await Console(stream, output_stats=True)
    assert isinstance(response, Response)
    assert "---------- a ----------\nhi" in (out := capsys.readouterr().out) and "Number of inner messages: 0" in out


async def test_control_codes_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    await Console(AssistantAgent("a", client("\x1b]0;owned\x07\x1b[2Jred\x9b31m ok")).run_stream(task="go"))
    out = capsys.readouterr().out
    assert "\x1b" not in out and "\x9b" not in out and "red" in out


async def test_a_stream_without_a_result_is_an_error() -> None:
    async def nothing() -> AsyncGenerator[Any, None]:
        return
        yield

    with pytest.raises(ValueError, match="No TaskResult or Response was processed"):
        await Console(nothing())


async def test_input_is_asked_for_when_its_event_was_shown() -> None:
    async def later() -> str:
        return "yes"

    for callback in (lambda prompt: "yes", lambda prompt: later()):
        manager = UserInputManager(callback)  # type: ignore[arg-type]  # the second gives back what an async one did
        agent = UserProxyAgent("u", input_func=manager.get_wrapped_callback())
        async with asyncio.timeout(5):
            result = await Console(agent.run_stream(task="go"), user_input_manager=manager)
        assert result.messages[-1].to_text() == "yes"


async def test_an_event_that_is_shown_before_anybody_waits_does_not_block() -> None:
    async def ask(prompt: str, token: CancellationToken | None) -> str:
        return "yes"

    manager = UserInputManager(ask)
    manager.notify_event_received("r1")
    with UserProxyAgent.InputRequestContext.populate_context("r1"):
        async with asyncio.timeout(5):
            assert await manager.get_wrapped_callback()("?", None) == "yes"
