"""What a run hears of its model calls: failed attempts are paid for, retries held back, calls shown as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import stamina

from nbagents.agents import AssistantAgent
from nbagents.errors import BudgetReached, ModelError, ModelServerError
from nbagents.models import (
    ChatCompletionClient,
    CreateResult,
    FallbackChatCompletionClient,
    ReplayChatCompletionClient,
    RequestUsage,
)
from nbagents.models.notices import CallPiece, FailedAttempt, RetryNotice, tell
from nbagents.runtime import Budget, Gate, Redactor, passing
from nbagents.runtime.journal import Entry
from tests.models.asking import HELLO, client_of
from tests.models.fault_server import FaultServer, OpenAIDialect, fault_server

CALLS = {"search": ['{"query": "', "word " * 100, '"}']}


@pytest.fixture
async def server() -> AsyncIterator[FaultServer]:
    async with fault_server(OpenAIDialect()) as server:
        yield server


@pytest.fixture
async def client(server: FaultServer) -> AsyncIterator[ChatCompletionClient]:
    client = client_of(server.dialect, server.url, max_tokens=100)
    yield client
    await client.close()


@pytest.fixture(autouse=True)
def without_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=10, cap=True):
        yield


class Watcher:
    """Follows calls as they are written."""

    def __init__(self) -> None:
        self.calls: dict[str, tuple[str, str, str]] = {}
        self.dropped: list[str] = []

    def entry(self, entry: Entry) -> None:
        return None

    def chunk(self, agent: str, message_id: str, text: str) -> None:
        return None

    def call_piece(self, agent: str, call: str, name: str, arguments: str) -> None:
        *_, before = self.calls.get(call, ("", "", ""))
        self.calls[call] = agent, name, before + arguments

    def call_dropped(self, call: str) -> None:
        self.dropped.append(call)


async def asked(gate: Gate, client: ChatCompletionClient, *, stream: bool = True) -> CreateResult:
    """The answer that passes the gate."""
    with passing(gate):
        *_, result = [part async for part in gate.model("a", client, HELLO, stream=stream)]
    assert isinstance(result, CreateResult)
    return result


def entries(gate: Gate, type: str) -> list[Entry]:
    return [entry for entry in gate.journal.entries if entry["type"] == type]


async def test_failed_attempts_are_on_the_account_and_in_the_journal(
    server: FaultServer, client: ChatCompletionClient
) -> None:
    gate = Gate()
    server.calls(CALLS, end="reset")
    await asked(gate, client)
    first, answer = gate.usage.made
    assert (first.agent, first.model, first.failed, first.estimated) == ("a", "m", True, True)
    assert first.usage.completion_tokens > 100 and not answer.failed
    assert (gate.usage.calls, len(gate.usage.failed), gate.usage.estimated) == (1, 1, True)
    assert gate.usage.by_agent["a"] == first.usage + answer.usage
    assert str(gate.usage).endswith("in 1 model call and 1 failed attempt")
    (retry,) = entries(gate, "retry")
    assert retry["usage"]["completion_tokens"] == first.usage.completion_tokens and retry["estimated"] is True
    (result,) = entries(gate, "result")
    assert result["usage"]["completion_tokens"] == answer.usage.completion_tokens


async def test_the_last_attempt_s_cost_stands_in_the_result_of_a_call_that_failed(server: FaultServer) -> None:
    gate, client = Gate(), client_of(server.dialect, server.url, max_retries=1)
    for _ in range(2):
        server.calls(CALLS, end="reset")
    with pytest.raises(ModelError):
        await asked(gate, client)
    (retry,), (result,) = entries(gate, "retry"), entries(gate, "result")
    assert retry["usage"] == result["usage"] and result["ok"] is False and result["estimated"] is True
    assert (gate.usage.calls, len(gate.usage.failed)) == (0, 2)
    await client.close()


async def test_an_attempt_that_was_refused_costs_nothing(server: FaultServer, client: ChatCompletionClient) -> None:
    gate = Gate(budget=Budget(tokens=150))
    server.fails(500, times=2)
    await asked(gate, client)
    assert len(gate.usage.made) == 1 and len(entries(gate, "retry")) == 2
    assert all("usage" not in entry for entry in entries(gate, "retry"))


@pytest.mark.parametrize("fallback", [False, True], ids=["again", "another"])
async def test_a_retry_that_could_exceed_the_budget_is_not_begun(
    server: FaultServer, client: ChatCompletionClient, fallback: bool
) -> None:
    # The bound of a call is some 105 tokens; an attempt that failed took more than 130.
    gate = Gate(budget=Budget(tokens=200))
    for _ in range(3):
        server.calls(CALLS, end="reset")
    if fallback:
        once = client_of(server.dialect, server.url, max_retries=0, max_tokens=100)
        client = FallbackChatCompletionClient([once, client])
    with pytest.raises(BudgetReached, match="budget 200 tokens reached before the first turn"):
        await asked(gate, client)
    assert len(server.asked) == 1
    assert gate.usage.tokens < 200 and len(gate.usage.failed) == 1
    (result,) = entries(gate, "result")
    assert result["error"].startswith("BudgetReached") and result["usage"]["completion_tokens"] > 100
    await client.close()


async def test_with_enough_left_it_is_begun(server: FaultServer, client: ChatCompletionClient) -> None:
    gate = Gate(budget=Budget(tokens=500))
    server.calls(CALLS, end="reset")
    assert (await asked(gate, client)).content == "okthen"
    assert len(server.asked) == 2


async def test_who_leaves_a_stream_has_paid_for_what_came(server: FaultServer, client: ChatCompletionClient) -> None:
    gate = Gate()
    server.says("one two three four", end="stall")
    with passing(gate):
        stream = gate.model("a", client, HELLO, stream=True)
        assert await anext(stream) == "one"
        await stream.aclose()
    (failed,) = gate.usage.made
    assert failed.failed and failed.usage.prompt_tokens > 0
    assert entries(gate, "result")[0]["usage"]["completion_tokens"] == failed.usage.completion_tokens


async def test_many_at_once_add_up(server: FaultServer) -> None:
    gate = Gate(budget=Budget(tokens=1_000_000))
    for _ in range(16):
        server.calls(CALLS, end="reset")
    clients = [client_of(server.dialect, server.url, max_tokens=100, max_retries=9) for _ in range(8)]
    await asyncio.gather(*(asked(gate, client) for client in clients))
    assert (gate.usage.calls, len(gate.usage.failed)) == (8, 16)
    assert gate.allowance is not None
    assert gate.allowance._tokens == gate.usage.tokens, "what was told on the I/O thread is counted, and counted once"
    for client in clients:
        await client.close()


class Priced(ReplayChatCompletionClient):
    """A model with a price whose first attempt fails after a million tokens."""

    provider = "openai"

    async def create(self, messages: Any, **options: Any) -> CreateResult:
        tell(FailedAttempt("openai", "gpt-4o-mini", "", "openai", RequestUsage(0, 1_000_000), False))
        tell(RetryNotice("openai", "gpt-4o-mini", ModelServerError("down", transient=True), 1, 3, 0.0))
        return await super().create(messages, **options)


async def test_dollars_hold_a_retry_back_as_well() -> None:
    client = Priced(["ok"] * 2)
    client.model = "gpt-4o-mini"
    with pytest.raises(BudgetReached, match=r"budget \$0\.50 reached"):
        await asked(Gate(budget=Budget(usd=0.5)), client, stream=False)
    gate = Gate(budget=Budget(usd=5))
    await asked(gate, client, stream=False)
    assert gate.usage.cost_by_model["openai/gpt-4o-mini"].usd == pytest.approx(0.6)
    assert entries(gate, "retry")[0]["cost"] == pytest.approx(0.6)


async def test_a_server_that_does_not_count_is_estimated_and_ends_too(
    server: FaultServer, client: ChatCompletionClient
) -> None:
    gate = Gate(budget=Budget(tokens=130))
    for _ in range(9):
        server.says("one two three four " * 20)  # the stream of this server has no usage
    first = await asked(gate, client)
    assert first.usage == RequestUsage(), "what the server said"
    assert gate.usage.made[0].estimated and gate.usage.tokens > 40
    with pytest.raises(BudgetReached):
        await asked(gate, client)


@pytest.mark.parametrize("alone", [True, False], ids=["I/O thread", "loop"])
async def test_calls_are_shown_as_they_are_written_and_their_attempt_is_taken_back(
    server: FaultServer, client: ChatCompletionClient, alone: bool
) -> None:
    gate, watcher = Gate(), Watcher()
    gate.listeners.append(watcher)
    server.calls(CALLS, end="reset")
    server.calls({"look": ["{", '"a": "b"', "}"], "now": ["{}"]})
    asks = client if alone else FallbackChatCompletionClient([client, ReplayChatCompletionClient(["never"])])
    await asked(gate, asks)
    assert watcher.dropped == ["e1.1.0"]
    assert {call: (agent, name) for call, (agent, name, _) in watcher.calls.items()} == {
        "e1.1.0": ("a", "search"),
        "e1.2.0": ("a", "look"),
        "e1.2.1": ("a", "now"),
    }
    assert watcher.calls["e1.1.0"][2].startswith('{"query": "word word')
    assert watcher.calls["e1.2.0"][2].startswith('{"a": "b')
    assert not any("piece" in entry["type"] for entry in gate.journal.entries)


async def test_no_secret_is_shown_in_two_halves() -> None:
    secret = "planted-1234567"

    class Letters(ReplayChatCompletionClient):
        async def create(self, messages: Any, **options: Any) -> CreateResult:
            for letter in f'{{"key":"{secret}","path":"a b"}}':
                tell(CallPiece(0, "c", "open", letter))
            return await super().create(messages, **options)

    gate, watcher = Gate(redactor=Redactor({"MY_KEY": secret})), Watcher()
    gate.listeners.append(watcher)
    await asked(gate, Letters(["ok"]), stream=False)
    assert watcher.calls["e1.1.0"][2].startswith('{"key":"[redacted MY_KEY]"')


async def test_a_listener_that_knows_nothing_of_calls_is_left_alone(
    server: FaultServer, client: ChatCompletionClient
) -> None:
    class Old:
        def entry(self, entry: Entry) -> None:
            return None

        def chunk(self, agent: str, message_id: str, text: str) -> None:
            return None

    gate = Gate()
    gate.listeners.append(Old())
    server.calls(CALLS)
    assert (await asked(gate, client)).finish_reason == "function_calls"


async def test_an_agent_s_result_says_what_its_failed_attempts_cost(
    server: FaultServer, client: ChatCompletionClient
) -> None:
    server.calls(CALLS, end="reset")
    result = await AssistantAgent("a", client, model_client_stream=True).run(task="go")
    assert (result.usage.calls, len(result.usage.failed)) == (1, 1)
