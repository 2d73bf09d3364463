"""When a conversation stops, with AutoGen's stop reasons."""

from __future__ import annotations

import pytest

from nbagents.conditions import (
    MaxMessageTermination,
    StopMessageTermination,
    TerminatedException,
    TextMentionTermination,
)
from nbagents.messages import StopMessage, TextMessage, ThoughtEvent


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
