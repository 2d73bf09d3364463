"""A person as an agent: who is asked, how, and what the answer becomes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from nbagents.agents import UserProxyAgent
from nbagents.cancellation import CancellationToken
from nbagents.messages import HandoffMessage, StopMessage, TextMessage, UserInputRequestedEvent
from nbagents.runtime import Answer, Gate, passing
from tests.agents.scripts import Waiting, kinds
from tests.scripted import ScriptedPerson


@pytest.fixture
def gate() -> Iterator[Gate]:
    with passing(Gate(asker=ScriptedPerson([Answer("reply", text="from the gate")]))) as gate:
        yield gate


async def test_the_request_is_announced_and_the_reply_is_a_text_message() -> None:
    agent = UserProxyAgent("u", input_func=lambda prompt: f"<{prompt}>")
    *shown, result = [item async for item in agent.run_stream(task="go")]
    assert kinds(shown[1:]) == ["UserInputRequestedEvent", "TextMessage"] and result.messages == shown
    assert shown[-1].to_text() == "<Enter your response: >"
    assert kinds((await agent.run(task="go")).messages) == ["TextMessage", "TextMessage"]


async def test_an_async_input_func_gets_the_token() -> None:
    seen: list[CancellationToken | None] = []

    async def ask(prompt: str, token: CancellationToken | None) -> str:
        seen.append(token)
        return "yes"

    token = CancellationToken()
    result = await UserProxyAgent("u", input_func=ask).run(task="go", cancellation_token=token)
    assert result.messages[-1].to_text() == "yes" and seen == [token]


async def test_without_an_input_func_the_gate_asks(gate: Gate) -> None:
    result = await UserProxyAgent("u").run(task="go")
    assert result.messages[-1].to_text() == "from the gate"


async def test_an_input_func_is_asked_through_the_gate_too(gate: Gate) -> None:
    await UserProxyAgent("u", input_func=lambda prompt: "mine").run(task="go")
    answers = [entry for entry in gate.journal.entries if entry["type"] == "answer"]
    assert [(entry["text"], entry["channel"]) for entry in answers] == [("mine", "input_func")]


async def test_after_a_handoff_the_reply_hands_back() -> None:
    handed = HandoffMessage(content="help", source="a", target="u")
    message = (await UserProxyAgent("u", input_func=lambda prompt: prompt).run(task=handed)).messages[-1]
    assert isinstance(message, HandoffMessage) and message.target == "a"
    assert message.content == "Handoff received from a. Enter your response: "


async def test_a_handoff_to_somebody_else_is_an_error() -> None:
    handed = HandoffMessage(content="help", source="a", target="z")
    with pytest.raises(
        RuntimeError, match="Failed to get user input: Handoff message target does not match agent name"
    ):
        await UserProxyAgent("u", input_func=lambda prompt: "x").run(task=handed)


async def test_the_error_of_an_input_func_is_told_once() -> None:
    def ask(prompt: str) -> str:
        raise OSError("no terminal")

    with pytest.raises(RuntimeError, match=r"^Failed to get user input: no terminal$") as caught:
        await UserProxyAgent("u", input_func=ask).run(task="go")
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("reply", [None, 5])
async def test_a_reply_that_is_no_text_is_refused(reply: Any) -> None:
    with pytest.raises(RuntimeError, match=f"^Failed to get user input: input_func returned {reply}: expected"):
        await UserProxyAgent("u", input_func=lambda prompt: reply).run(task="go")


async def test_an_input_func_that_has_run_out_of_replies_fails_and_does_not_hang() -> None:
    replies = iter(["yes"])
    agent = UserProxyAgent("u", input_func=lambda prompt: next(replies))
    await agent.run(task="go")
    with pytest.raises(RuntimeError, match="Failed to get user input: the function raised StopIteration"):
        await asyncio.wait_for(agent.run(task="go"), 5)


async def test_an_input_func_that_nobody_answers_holds_no_thread_that_a_script_would_wait_for() -> None:
    asked, free = threading.Event(), threading.Event()

    def ask(prompt: str) -> str:
        asked.set()
        free.wait()
        return "too late"

    running = asyncio.create_task(UserProxyAgent("u", input_func=ask).run(task="go"))
    await asyncio.to_thread(asked.wait)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(running, 1)
    [waiting] = [thread for thread in threading.enumerate() if thread.name == "nbagents waits for a person"]
    assert waiting.daemon
    free.set()
    waiting.join()


async def test_the_request_id_is_known_while_the_person_is_asked() -> None:
    seen: list[str] = []

    def ask(prompt: str) -> str:
        seen.append(UserProxyAgent.InputRequestContext.request_id())
        return "yes"

    _, event, *_ = [item async for item in UserProxyAgent("u", input_func=ask).run_stream(task="go")]
    assert isinstance(event, UserInputRequestedEvent) and seen == [event.request_id]
    with pytest.raises(RuntimeError, match="within the input callback"):
        UserProxyAgent.InputRequestContext.request_id()


async def test_a_person_may_end_the_conversation() -> None:
    with passing(Gate(asker=ScriptedPerson([Answer("end", text="enough")]))):
        message = (await UserProxyAgent("u").run(task="go")).messages[-1]
    assert isinstance(message, StopMessage) and message.content == "enough"


async def test_cancelling_while_a_person_is_asked_ends_it() -> None:
    place, token = Waiting(), CancellationToken()

    async def ask(prompt: str, token: CancellationToken | None) -> str:
        await place()
        return "never"

    running = asyncio.create_task(UserProxyAgent("u", input_func=ask).run(task="go", cancellation_token=token))
    await place.reached.wait()
    token.cancel()
    async with asyncio.timeout(1):
        with pytest.raises(asyncio.CancelledError):
            await running
    assert place.cancelled and len(asyncio.all_tasks()) == 1


def test_it_says_what_it_may_answer_with() -> None:
    assert {TextMessage, HandoffMessage} <= set(UserProxyAgent("u").produced_message_types)


async def test_an_input_func_that_gives_up_ends_the_turn_and_does_not_hang() -> None:
    async def given_up(prompt: str, token: CancellationToken | None) -> str:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(UserProxyAgent("u", input_func=given_up).run(task="go"), 5)


async def test_another_input_func_may_take_its_place() -> None:
    agent = UserProxyAgent("u", input_func=lambda prompt: "one")
    agent.input_func = lambda prompt: "other"
    assert (await agent.run(task="go")).messages[-1].to_text() == "other"


async def test_a_subclass_may_ask_the_person_in_its_own_way() -> None:
    class Window(UserProxyAgent):
        async def _get_input(self, prompt: str, cancellation_token: CancellationToken | None) -> str:
            return f"{prompt}typed"

    assert (await Window("u").run(task="go")).messages[-1].to_text() == "Enter your response: typed"


async def test_an_error_of_input_itself_is_told_like_that_of_an_input_func() -> None:
    told = r"^Failed to get user input: no line$"
    with patch("builtins.input", side_effect=ValueError("no line")), pytest.raises(RuntimeError, match=told):
        await UserProxyAgent("u").run(task="go")
