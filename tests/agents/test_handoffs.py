"""Handing the conversation to another agent."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from nbagents.agents import AssistantAgent, Handoff
from nbagents.messages import (
    HandoffMessage,
)
from nbagents.models import AssistantMessage, UserMessage
from tests.agents.scripts import calls, client, prompt

ADD = ("add", '{"a": 1, "b": 2}')


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def test_the_tools_are_offered_with_the_handoffs() -> None:
    model = client("ok")
    await AssistantAgent("a", model, tools=[add], handoffs=["b"]).run(task="go")
    names = [tool["name"] if isinstance(tool, dict) else tool.name for tool in model.create_calls[0]["tools"]]
    assert names == ["add", "transfer_to_b"]


async def test_a_handoff_is_taken_after_all_calls_and_carries_the_others() -> None:
    model = client(calls(ADD, ("transfer_to_b", "{}"), thought="b knows"))
    result = await AssistantAgent("a", model, tools=[add], handoffs=["b"]).run(task="go")
    handoff = result.messages[-1]
    assert isinstance(handoff, HandoffMessage)
    assert (handoff.target, handoff.content) == ("b", "Transferred to b, adopting the role of b immediately.")
    asked, results = handoff.context
    assert isinstance(asked, AssistantMessage) and asked.thought == "b knows"
    assert [call.name for call in asked.content] == ["add"] and results.content[0].content == "3"


async def test_a_handoff_alone_carries_the_thought() -> None:
    model = client(calls(("transfer_to_b", "{}"), thought="b knows"))
    handoff = (await AssistantAgent("a", model, handoffs=["b"]).run(task="go")).messages[-1]
    assert isinstance(handoff, HandoffMessage) and [one.content for one in handoff.context] == ["b knows"]


async def test_of_several_handoffs_the_first_counts_with_a_warning() -> None:
    model = client(calls(("transfer_to_c", "{}"), ("transfer_to_b", "{}")))
    with pytest.warns(UserWarning, match="Only the first is executed"):
        result = await AssistantAgent("a", model, handoffs=["b", Handoff(target="c")]).run(task="go")
    assert isinstance(result.messages[-1], HandoffMessage) and result.messages[-1].target == "c"


async def test_the_context_of_a_handoff_is_heard_before_its_text() -> None:
    model = client("ok")
    handed = HandoffMessage(
        content="take over", source="b", target="a", context=[UserMessage(content="earlier", source="user")]
    )
    await AssistantAgent("a", model).run(task=handed)
    assert prompt(model)[1:] == [("UserMessage", "earlier"), ("UserMessage", "take over")]


def test_a_handoff_fills_in_what_follows_from_its_target() -> None:
    handoff = Handoff(target="Bill")
    assert (handoff.name, handoff.description) == ("transfer_to_bill", "Handoff to Bill.")
    assert handoff.message == "Transferred to Bill, adopting the role of Bill immediately."
    with pytest.raises(ValidationError, match="Handoff name must be a valid identifier: a b"):
        Handoff(target="b", name="a b")


def test_a_component_may_name_its_handoffs_only() -> None:
    component = AssistantAgent("a", client(), handoffs=["b"]).dump_component()
    component.config["handoffs"] = ["b", {"target": "c"}]
    loaded = AssistantAgent.load_component(component)
    assert component.config["handoffs"] == ["b", {"target": "c"}]
    names = [handoff["name"] for handoff in loaded.dump_component().config["handoffs"]]
    assert names == ["transfer_to_b", "transfer_to_c"]


@pytest.mark.parametrize("handoff", ["add", Handoff(target="add", name="pass_on"), Handoff(target="b", name="add")])
def test_no_tool_may_be_called_like_a_handoff_or_like_its_target(handoff: Handoff | str) -> None:
    with pytest.raises(ValueError, match="Handoff names must be unique from tool names"):
        AssistantAgent("a", client(), tools=[add], handoffs=[handoff])


def test_the_name_of_a_handoff_is_a_text() -> None:
    with pytest.raises(ValidationError, match="Handoff name must be a string: 5"):
        Handoff(target="b", name=5)  # type: ignore[arg-type]  # what is tried
