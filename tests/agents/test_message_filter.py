"""An agent that hears only some of the messages."""

from __future__ import annotations

import pytest

from nbagents.agents import AssistantAgent, MessageFilterAgent, MessageFilterConfig, PerSourceFilter
from nbagents.cancellation import CancellationToken
from nbagents.messages import TextMessage
from tests.agents.scripts import Echo, client, prompt

SAID = [TextMessage(content=f"{source}{number}", source=source) for number, source in enumerate("abbac")]


def filtered(*rules: PerSourceFilter) -> MessageFilterAgent:
    return MessageFilterAgent("f", Echo(), MessageFilterConfig(per_source=list(rules)))


@pytest.mark.parametrize(
    ("rules", "heard"),
    [
        ([PerSourceFilter(source="b", position="last", count=1), PerSourceFilter(source="a")], "a0 b2 a3"),
        ([PerSourceFilter(source="b", position="first", count=1)], "b1"),
        ([PerSourceFilter(source="b", position="last")], "b1 b2"),
        ([PerSourceFilter(source="b", position="last", count=0)], ""),
        ([PerSourceFilter(source="b", count=1)], "b1 b2"),
        ([PerSourceFilter(source="b"), PerSourceFilter(source="b", position="first", count=1)], "b1 b2"),
        ([PerSourceFilter(source="z")], ""),
    ],
)
async def test_what_is_let_through_comes_once_and_in_the_order_of_time(
    rules: list[PerSourceFilter], heard: str
) -> None:
    response = await filtered(*rules).on_messages(SAID, CancellationToken())
    assert (response.chat_message.to_text(), response.chat_message.source) == (heard, "echo")


async def test_the_stream_is_filtered_too() -> None:
    result = await filtered(PerSourceFilter(source="c")).run(task=SAID)
    assert result.messages[-1].to_text() == "c4"


async def test_state_reset_pause_and_close_are_those_of_the_agent_behind() -> None:
    rules, model = MessageFilterConfig(per_source=[PerSourceFilter(source="user")]), client("hi")
    agent = MessageFilterAgent("f", AssistantAgent("a", model), rules)
    await agent.run(task="go")
    other = MessageFilterAgent("f", AssistantAgent("a", again := client("hi")), rules)
    await other.load_state(await agent.save_state())
    await other.run(task="more")
    assert [content for _, content in prompt(again)][1:] == ["go", "hi", "more"]
    await other.load_state({"type": "BaseState", "version": "1.0.0"})  # what AutoGen saves

    echo = Echo()
    wrapper = MessageFilterAgent("f", echo, rules)
    await wrapper.on_reset(CancellationToken())
    await wrapper.on_pause(CancellationToken())
    await wrapper.on_resume(CancellationToken())
    await wrapper.close()
    assert echo.seen == ["reset", "pause", "resume", "close"]


def test_it_is_described_as_a_filter() -> None:
    agent = filtered()
    assert agent.description == "says what it heard (with message filtering)"
    assert list(agent.produced_message_types) == [TextMessage]
