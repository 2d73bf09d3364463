"""When a conversation stops, with AutoGen's stop reasons."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from nbagents.conditions import (
    ExternalTermination,
    FunctionalTermination,
    FunctionCallTermination,
    HandoffTermination,
    MaxMessageTermination,
    SourceMatchTermination,
    StopMessageTermination,
    TerminatedException,
    TerminationCondition,
    TextMentionTermination,
    TextMessageTermination,
    TimeoutTermination,
    TokenUsageTermination,
)
from nbagents.messages import (
    BaseAgentEvent,
    BaseChatMessage,
    HandoffMessage,
    StopMessage,
    TextMessage,
    ThoughtEvent,
    ToolCallExecutionEvent,
)
from nbagents.models import FunctionExecutionResult, RequestUsage


def said(text: str, source: str = "a") -> TextMessage:
    return TextMessage(content=text, source=source)


async def test_text_mention() -> None:
    condition = TextMentionTermination("DONE")
    assert await condition([said("not yet")]) is None
    stop = await condition([said("x"), said("all DONE.")])
    assert stop is not None and stop.content == "Text 'DONE' mentioned"
    assert condition.terminated
    with pytest.raises(TerminatedException):
        await condition([])
    await condition.reset()
    assert not condition.terminated


async def test_text_mention_of_certain_sources_only() -> None:
    condition = TextMentionTermination("DONE", sources=["b"])
    assert await condition([said("DONE", "user")]) is None
    assert await condition([said("DONE", "b")]) is not None


async def test_max_messages_counts_chat_messages_and_events_if_asked() -> None:
    condition = MaxMessageTermination(2)
    assert await condition([said("1"), ThoughtEvent(content="hm", source="a")]) is None
    stop = await condition([said("2")])
    assert stop is not None
    assert stop.content == "Maximum number of messages 2 reached, current message count: 2"
    counting_events = MaxMessageTermination(2, include_agent_event=True)
    assert await counting_events([said("1"), ThoughtEvent(content="hm", source="a")]) is not None


async def test_a_stop_message_stops() -> None:
    condition = StopMessageTermination()
    assert await condition([said("x")]) is None
    stop = await condition([StopMessage(content="enough", source="you")])
    assert stop is not None and stop.content == "Stop message received"


async def test_or_stops_at_the_first_and_joins_the_reasons() -> None:
    condition = TextMentionTermination("X") | MaxMessageTermination(2)
    assert await condition([said("a")]) is None
    stop = await condition([said("X")])
    assert stop is not None
    assert stop.content == "Text 'X' mentioned, Maximum number of messages 2 reached, current message count: 2"
    with pytest.raises(TerminatedException):
        await condition([])
    await condition.reset()
    assert await condition([said("a")]) is None


async def test_and_stops_when_each_has_stopped_once() -> None:
    condition = TextMentionTermination("X") & MaxMessageTermination(3)
    assert await condition([said("X")]) is None
    assert await condition([said("a")]) is None
    stop = await condition([said("b")])
    assert stop is not None
    assert stop.content.startswith("Text 'X' mentioned, Maximum number of messages 3")
    assert condition.terminated


def spent(prompt: int, completion: int) -> TextMessage:
    return TextMessage(content="x", source="a", models_usage=RequestUsage(prompt, completion))


RESULTS = ToolCallExecutionEvent(
    content=[FunctionExecutionResult(content="4", name="add", call_id="c", is_error=False)], source="a"
)
HANDOFF = HandoffMessage(content="yours", target="user", source="a")
EXTERNAL = ExternalTermination()
STOPPING: list[tuple[TerminationCondition, Sequence[BaseAgentEvent | BaseChatMessage], str]] = [
    (FunctionCallTermination("add"), [RESULTS], "Function 'add' was executed."),
    (HandoffTermination("user"), [HANDOFF], "Handoff to user from a detected."),
    (MaxMessageTermination(1), [said("x")], "Maximum number of messages 1 reached, current message count: 1"),
    (SourceMatchTermination(["b", "a"]), [said("x")], "'a' answered"),
    (StopMessageTermination(), [StopMessage(content="s", source="a")], "Stop message received"),
    (TextMentionTermination("x"), [ThoughtEvent(content="max", source="a")], "Text 'x' mentioned"),
    (TextMessageTermination(), [said("x")], "Text message received from 'a'"),
    (TimeoutTermination(0.0), [], "Timeout of 0.0 seconds reached"),
    (
        TokenUsageTermination(max_total_token=7),
        [spent(3, 4)],
        "Token usage limit reached, total token count: 7, prompt token count: 3, completion token count: 4.",
    ),
    (FunctionalTermination(lambda messages: len(messages) == 1), [said("x")], "Functional termination condition met"),
]


@pytest.mark.parametrize(("condition", "delta", "reason"), STOPPING, ids=lambda value: type(value).__name__)
async def test_each_condition_stops_with_its_reason_once_until_it_is_reset(
    condition: TerminationCondition, delta: Sequence[BaseAgentEvent | BaseChatMessage], reason: str
) -> None:
    for _ in range(2):
        assert not condition.terminated
        stop = await condition(delta)
        assert stop is not None
        assert (stop.content, stop.source) == (reason, type(condition).__name__)
        assert condition.terminated
        with pytest.raises(TerminatedException, match="Termination condition has already been reached"):
            await condition(delta)
        await condition.reset()


async def test_what_a_condition_does_not_watch_for_lets_the_conversation_go_on() -> None:
    other = [said("hello"), RESULTS, HANDOFF]
    for condition in (
        FunctionCallTermination("other"),
        HandoffTermination("b"),
        SourceMatchTermination(["b"]),
        SourceMatchTermination([]),
        TextMessageTermination("b"),
        TimeoutTermination(1000),
        TokenUsageTermination(max_total_token=1),
        ExternalTermination(),
        FunctionalTermination(lambda _: False),
    ):
        assert await condition(other) is None
        assert not condition.terminated


@pytest.mark.parametrize(
    ("condition", "stops_at"),
    [
        (TokenUsageTermination(max_total_token=10), 2),
        (TokenUsageTermination(max_prompt_token=9), 3),
        (TokenUsageTermination(max_completion_token=3), 3),
    ],
)
async def test_token_usage_is_summed_over_turns(condition: TokenUsageTermination, stops_at: int) -> None:
    for turn in range(1, stops_at + 1):
        assert (await condition([spent(4, 1)]) is not None) == (turn == stops_at)


def test_token_usage_needs_a_limit() -> None:
    with pytest.raises(ValueError, match="At least one of max_total_token"):
        TokenUsageTermination()


async def test_external_termination_waits_for_the_end_of_the_turn() -> None:
    condition = ExternalTermination()
    assert await condition([said("x")]) is None
    condition.set()
    assert not condition.terminated
    stop = await condition([said("x")])
    assert stop is not None and stop.content == "External termination requested"
    await condition.reset()
    assert await condition([said("x")]) is None


async def test_timeout_counts_from_the_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    condition = TimeoutTermination(5)
    now = 104.0
    assert await condition([]) is None
    await condition.reset()
    now = 108.0
    assert await condition([]) is None
    now = 109.0
    stop = await condition([])
    assert stop is not None and stop.content == "Timeout of 5 seconds reached"


async def test_an_async_function_may_decide() -> None:
    async def two(messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> bool:
        return len(messages) == 2

    condition = FunctionalTermination(two)
    assert await condition([said("1")]) is None
    assert await condition([said("1"), said("2")]) is not None


async def test_an_or_that_is_called_again_raises_what_autogen_raises_too() -> None:
    condition = MaxMessageTermination(1) | StopMessageTermination()
    await condition([said("x")])
    with pytest.raises(RuntimeError, match="already been reached"):
        await condition([said("x")])


async def test_and_asks_only_those_that_have_not_stopped() -> None:
    asked: list[str] = []

    def check(name: str, answer: bool) -> FunctionalTermination:
        return FunctionalTermination(lambda _: asked.append(name) or answer)

    condition = check("first", True) & check("second", False)
    await condition([said("x")])
    await condition([said("y")])
    assert asked == ["first", "second", "second"]


async def test_state_is_restored_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)

    def fresh() -> TerminationCondition:
        return (
            (TextMentionTermination("X") & MaxMessageTermination(3))
            | TokenUsageTermination(max_total_token=100)
            | TimeoutTermination(60)
            | ExternalTermination()
        )

    first, second = fresh(), fresh()
    now = 110.0
    assert await first([said("X"), spent(3, 4)]) is None
    saved = await first.save_state()
    now = 500.0
    await second.load_state(saved)
    now = 510.0  # the clock of the first went on; the second resumes where it was saved
    stop = await second([said("y")])
    assert stop is not None
    assert stop.source == "TextMentionTermination, MaxMessageTermination"
    assert second.terminated and not first.terminated
