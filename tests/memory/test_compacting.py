"""The context that sums up what is old: AutoGen has none."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from nbagents.errors import ModelResponseError
from nbagents.memory import CompactingChatCompletionContext
from nbagents.models import (
    AssistantMessage,
    CreateResult,
    FunctionCall,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    ReplayChatCompletionClient,
    UserMessage,
)
from nbagents.runtime import Gate, passing


def said(number: int) -> UserMessage:
    return UserMessage(content=f"m{number}", source="user")


def words(messages: list[LLMMessage]) -> list[str]:
    return [message.content if isinstance(message.content, str) else message.type for message in messages]


def compacting(*answers: str, **options: object) -> CompactingChatCompletionContext:
    limits = {"max_messages": 4, "keep": 2, **options}
    return CompactingChatCompletionContext(ReplayChatCompletionClient(list(answers)), **limits)  # type: ignore[arg-type]


async def fill(context: CompactingChatCompletionContext, start: int, stop: int) -> None:
    for number in range(start, stop):
        await context.add_message(said(number))


async def test_shows_everything_while_it_is_short() -> None:
    context = compacting()

    await fill(context, 0, 4)

    assert words(await context.get_messages()) == ["m0", "m1", "m2", "m3"] and context.summary == ""


async def test_sums_up_all_but_the_newest_when_it_is_long() -> None:
    context = compacting("S1")

    await fill(context, 0, 5)
    summary, *rest = await context.get_messages()

    assert str(summary.content).endswith("S1") and words(rest) == ["m3", "m4"]


async def test_a_summary_is_made_once_for_what_it_covers() -> None:
    context = compacting("S1", "S2")

    await fill(context, 0, 5)
    for _ in range(3):
        await context.get_messages()
    await fill(context, 5, 7)
    summary, *rest = await context.get_messages()

    assert str(summary.content).endswith("S2") and words(rest) == ["m5", "m6"]


async def test_the_next_summary_is_made_of_the_last_one_and_what_came_after() -> None:
    client = ReplayChatCompletionClient(["S1", "S2"])
    asked: list[str] = []
    create = client.create

    async def watched(messages: list[LLMMessage], **options: object) -> object:
        asked.append(str(messages[-1].content))
        return await create(messages, **options)  # type: ignore[arg-type]  # passed on as they came

    client.create = watched  # type: ignore[assignment]  # to see what is asked
    context = CompactingChatCompletionContext(client, max_messages=4, keep=2)

    await fill(context, 0, 5)
    await context.get_messages()
    await fill(context, 5, 7)
    await context.get_messages()

    assert "m0" in asked[0] and "m3" not in asked[0]
    assert "S1" in asked[1] and "m3" in asked[1] and "m0" not in asked[1]


async def test_calls_are_never_split_from_their_results() -> None:
    context = compacting("S1")
    calls = AssistantMessage(content=[FunctionCall(id="c", name="add", arguments="{}")], source="ann")
    result = FunctionExecutionResult(content="3", name="add", call_id="c", is_error=False)
    messages: list[LLMMessage] = [said(0), said(1), said(2), calls, FunctionExecutionResultMessage(content=[result])]

    for message in [*messages, said(5)]:
        await context.add_message(message)

    assert words(await context.get_messages())[1:] == ["AssistantMessage", "FunctionExecutionResultMessage", "m5"]


async def test_the_summary_passes_the_gate() -> None:
    context, gate = compacting("S1"), Gate()
    await fill(context, 0, 5)

    with passing(gate):
        await context.get_messages()

    assert [entry["kind"] for entry in gate.journal.entries if entry["type"] == "effect"] == ["model"]
    assert gate.usage.calls == 1 and gate.usage.total.completion_tokens == 1


async def test_state_keeps_the_summary_and_every_message() -> None:
    context, other = compacting("S1"), compacting()
    await fill(context, 0, 5)
    shown = await context.get_messages()

    state = await context.save_state()
    await other.load_state(state)

    assert await other.get_messages() == shown and len(state["messages"]) == 5


async def test_a_state_of_another_context_loads() -> None:
    context = compacting()

    await context.load_state({"messages": [said(0).model_dump()]})

    assert words(await context.get_messages()) == ["m0"]


async def test_clear_forgets_the_summary() -> None:
    context = compacting("S1")
    await fill(context, 0, 5)
    await context.get_messages()

    await context.clear()

    assert await context.get_messages() == [] and context.summary == ""


@pytest.mark.parametrize("anew", ["clear", "load"])
async def test_a_summary_that_comes_too_late_covers_nothing_of_what_is_said_anew(anew: str) -> None:
    class Interrupted(ReplayChatCompletionClient):
        """Another conversation begins while it sums up."""

        async def create(self, messages: Sequence[LLMMessage], **options: Any) -> CreateResult:
            await (context.clear() if anew == "clear" else context.load_state({"messages": []}))
            await fill(context, 7, 9)
            return await super().create(messages, **options)

    context = CompactingChatCompletionContext(Interrupted(["S1"]), max_messages=4, keep=2)
    await fill(context, 0, 6)

    assert words(await context.get_messages()) == ["m7", "m8"] and context.summary == ""


async def test_a_model_that_sums_up_nothing_is_an_error_and_loses_nothing() -> None:
    context = compacting("  ", "S1")
    await fill(context, 0, 5)

    with pytest.raises(ModelResponseError, match="sum up"):
        await context.get_messages()

    assert words(await context.get_messages())[1:] == ["m3", "m4"]


async def test_tokens_may_be_the_limit() -> None:
    context = compacting("S1", max_messages=None, token_limit=30)
    await fill(context, 0, 40)

    assert len(await context.get_messages()) == 3


@pytest.mark.parametrize("options", [{"max_messages": None}, {"keep": 0}, {"max_messages": 2, "keep": 2}])
def test_limits_that_leave_nothing_to_do_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"max_messages|keep"):
        compacting(**options)


def test_it_may_be_used_by_one_asyncio_run_after_another() -> None:
    context = compacting("S1", "S2")

    async def twice_at_once(start: int, stop: int) -> list[list[LLMMessage]]:
        await fill(context, start, stop)
        return list(await asyncio.gather(context.get_messages(), context.get_messages()))

    for start, stop in ((0, 5), (5, 7)):
        one, other = asyncio.run(twice_at_once(start, stop))
        assert one == other
    assert context.summary == "S2"
