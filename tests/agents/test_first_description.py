"""The samples of the description that the project started from, with a scripted model in place of a paid one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nbagents.agents import AssistantAgent, CodeExecutorAgent, UserProxyAgent
from nbagents.conditions import TextMentionTermination
from nbagents.messages import HandoffMessage
from nbagents.models import CreateResult
from nbagents.runtime import Approvals, Gate, passing
from nbagents.teams import RoundRobinGroupChat, SelectorGroupChat, Swarm
from tests.agents.scripts import calls, client
from tests.scripted import ScriptedExecutor


@pytest.fixture(autouse=True)
def unasked() -> Iterator[None]:
    """Blocks run unasked."""
    with passing(Gate(approvals=Approvals("always"))):
        yield


def search_web(query: str) -> str:
    """Search the web."""
    return f"found {query}"


def assistant(name: str, *answers: CreateResult | str, system_message: str = "Be precise.") -> AssistantAgent:
    return AssistantAgent(name=name, model_client=client(*answers), system_message=system_message)


async def test_two_agents_converse() -> None:
    researcher = AssistantAgent(
        name="research_assistant",
        model_client=client(calls(("search_web", '{"query": "Q4"}')), "Sales rose. DONE"),
        system_message="You are a senior research analyst.",
        tools=[search_web],
    )
    user = UserProxyAgent(name="user", input_func=lambda prompt: "go on")
    team = RoundRobinGroupChat(
        participants=[user, researcher], termination_condition=TextMentionTermination("DONE"), max_turns=10
    )
    result = await team.run(task="Analyze Q4 sales trends for the electronics division")
    assert result.stop_reason == "Text 'DONE' mentioned"
    assert [message.to_text() for message in result.messages if message.source == "research_assistant"][-2:] == [
        "found Q4", "Sales rose. DONE",
    ]  # fmt: skip


async def test_a_model_selects_among_analyst_strategist_and_critic() -> None:
    team = SelectorGroupChat(
        participants=[
            assistant("data_analyst", "42 %"),
            assistant("strategist", "Invest."),
            assistant("critic", "Risky, but DONE"),
        ],
        model_client=client("data_analyst", "strategist", "critic"),
        termination_condition=TextMentionTermination("DONE"),
        max_turns=15,
    )
    result = await team.run(task="Develop a strategy for AI-powered customer service")
    assert [message.source for message in result.messages] == ["user", "data_analyst", "strategist", "critic"]


async def test_a_coder_and_an_executor() -> None:
    executor_agent = CodeExecutorAgent(name="code_executor", code_executor=ScriptedExecutor("plotted"))
    coder = assistant("coder", "```python\nprint('plotted')\n```", "It is plotted. DONE")
    team = RoundRobinGroupChat(
        participants=[coder, executor_agent], max_turns=10, termination_condition=TextMentionTermination("DONE")
    )
    result = await team.run(task="Download AAPL stock data for 2025 and plot a 30-day moving average")
    assert [message.to_text() for message in result.messages[2:]] == ["plotted", "It is plotted. DONE"]


async def test_a_human_approver() -> None:
    approver = UserProxyAgent(
        name="manager",
        input_func=lambda prompt: "Approved. DONE",
        description="A human manager who approves or rejects proposals",
    )
    team = RoundRobinGroupChat(
        participants=[assistant("analyst", "It costs 1."), assistant("strategist", "Spend 1."), approver],
        max_turns=20,
        termination_condition=TextMentionTermination("DONE"),
    )
    result = await team.run(task="Propose a budget for the AI platform initiative")
    assert (result.messages[-1].source, result.messages[-1].to_text()) == ("manager", "Approved. DONE")


async def test_triage_hands_off_to_billing() -> None:
    triage = AssistantAgent(
        name="triage",
        model_client=client(calls(("transfer_to_billing", "{}"))),
        handoffs=["billing", "technical_support"],
        system_message="You are a customer service triage agent.",
    )
    billing = AssistantAgent(
        name="billing", model_client=client("Refunded. DONE"), handoffs=["triage"], system_message="You handle billing."
    )
    technical = AssistantAgent(
        name="technical_support", model_client=client(), handoffs=["triage"], system_message="You handle the rest."
    )
    team = Swarm(participants=[triage, billing, technical], termination_condition=TextMentionTermination("DONE"))
    result = await team.run(task="My last payment was charged twice")
    assert [message.target for message in result.messages if isinstance(message, HandoffMessage)] == ["billing"]
    assert (result.messages[-1].source, result.messages[-1].to_text()) == ("billing", "Refunded. DONE")
