"""What a runtime tells logs and tracers, and that handlers belong to the run of whoever sent the message."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest
from IPython.core.formatters import DisplayFormatter
from openai.types.chat import ChatCompletion
from pydantic import BaseModel

from nbagents.cancellation import CancellationToken
from nbagents.models import (
    FunctionCall,
    LLMMessage,
    OpenAIChatCompletionClient,
    ReplayChatCompletionClient,
    UserMessage,
)
from nbagents.runtime import (
    EVENT_LOGGER_NAME,
    AgentId,
    Gate,
    MessageContext,
    MessageHandlerContext,
    Redactor,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    current_gate,
    message_handler,
    passing,
)
from nbagents.runtime.core.events import MessageDroppedEvent, MessageKind
from nbagents.runtime.effect_events import LLMCallEvent, ToolCallEvent
from nbagents.tools import FunctionTool, StaticWorkbench
from tests.models.sse_server import sse_server

from .agents import TOPIC, Echo, Failing, Said, subscribed


async def test_every_message_is_logged_as_json_when_somebody_listens(caplog: pytest.LogCaptureFixture) -> None:
    runtime = SingleThreadedAgentRuntime()
    await subscribed(runtime, Echo, "echo")
    await Failing.register(runtime, "failing", Failing)
    runtime.start()
    with caplog.at_level(logging.INFO, logger=EVENT_LOGGER_NAME):
        await runtime.publish_message(Said("one"), TOPIC)
        await runtime.send_message(Said("two"), AgentId("echo", "k"))
        with pytest.raises(ValueError, match="cannot hear"):
            await runtime.send_message(Said("three"), AgentId("failing", "k"))
        await runtime.stop_when_idle()
    events = [json.loads(record.message) for record in caplog.records if record.name == EVENT_LOGGER_NAME]
    stages = [(event["kind"], event["delivery_stage"]) for event in events if event["type"] == "Message"][:6]
    assert stages == [
        ("MessageKind.PUBLISH", "DeliveryStage.SEND"),
        ("MessageKind.DIRECT", "DeliveryStage.SEND"),
        ("MessageKind.PUBLISH", "DeliveryStage.DELIVER"),
        ("MessageKind.DIRECT", "DeliveryStage.DELIVER"),
        ("MessageKind.RESPOND", "DeliveryStage.SEND"),
        ("MessageKind.RESPOND", "DeliveryStage.DELIVER"),
    ]
    assert json.loads(events[0]["payload"]) == {"text": "one"} and events[0]["receiver"] == "news/k"
    failure = events[-1]
    assert (failure["type"], failure["handling_agent"]) == ("MessageHandlerException", "failing/k")


def test_a_payload_that_is_text_is_logged_as_it_is_and_an_event_takes_more_facts() -> None:
    event = MessageDroppedEvent(payload="as it is", sender=None, receiver=None, kind=MessageKind.DIRECT, why="enough")
    assert event.kwargs["payload"] == "as it is"
    assert json.loads(str(event))["why"] == "enough"


async def test_a_cell_that_ends_with_start_shows_nothing() -> None:
    runtime = SingleThreadedAgentRuntime()
    assert DisplayFormatter().format(runtime.start()) == ({}, {})
    await runtime.stop()


class Spans:
    """A tracer provider and its tracer: notes the names of spans as they begin."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def get_tracer(self, name: str) -> Spans:
        return self

    @contextmanager
    def start_as_current_span(self, name: str, **said: Any) -> Iterator[None]:
        self.names.append(name)
        yield


async def test_spans_are_made_for_a_given_tracer_provider() -> None:
    spans = Spans()
    runtime = SingleThreadedAgentRuntime(tracer_provider=spans)
    await subscribed(runtime, Echo, "echo")
    runtime.start()
    await runtime.send_message(Said("two"), AgentId("echo", "k"))
    await runtime.publish_message(Said("one"), TOPIC)
    await runtime.stop_when_idle()
    assert spans.names == [
        "nbagents send echo/k",
        "nbagents process echo/k",
        "nbagents publish news/k",
        "nbagents process echo/k",
    ]


class Asking(RoutedAgent):
    """Notes through which gate its effects would pass."""

    gates: list[Gate]

    @message_handler
    async def on_said(self, message: Said, ctx: MessageContext) -> None:
        self.gates.append(current_gate())


async def test_a_handlers_effects_pass_the_gate_of_whoever_sent_the_message() -> None:
    agent, first, second = Asking("asks"), Gate(), Gate()
    agent.gates = []
    runtime = SingleThreadedAgentRuntime()
    await agent.register_instance(runtime, AgentId("asking", "k"))
    runtime.start()
    for gate in (first, second):
        with passing(gate):
            await runtime.send_message(Said("a"), AgentId("asking", "k"))
            await runtime.publish_message(Said("a"), type(TOPIC)("asking:x", "k"))
    await runtime.stop_when_idle()
    assert agent.gates == [first, second, first, second] or agent.gates == [first, first, second, second]


def listened(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(str(record.msg)) for record in caplog.records if record.name == EVENT_LOGGER_NAME]


async def test_model_and_tool_calls_are_logged_with_tokens_and_agent_and_without_secrets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gate = Gate(redactor=Redactor({"KEY": "sesame-sesame-1"}))
    client = ReplayChatCompletionClient(["it is sesame-sesame-1", "in pieces"])
    asked: list[LLMMessage] = [UserMessage(content="say sesame-sesame-1", source="user")]

    def shout(text: str) -> str:
        return text.upper()

    with caplog.at_level(logging.INFO, logger=EVENT_LOGGER_NAME):
        async for _ in gate.model("bob", client, asked):
            pass
        async for _ in gate.model("bob", client, asked, stream=True):
            pass
        await gate.tool("bob", FunctionTool(shout, "shouts"), FunctionCall("1", '{"text": "a"}', "shout"))
    call, start, end, tool = listened(caplog)

    assert call["type"] == "LLMCall" and call["agent_id"] == "bob"
    assert (call["prompt_tokens"], call["completion_tokens"]) == (2, 3)
    assert call["response"]["content"] == "it is [redacted KEY]" and call["messages"][0]["source"] == "user"
    assert "sesame-sesame-1" not in caplog.text
    assert (start["type"], end["type"], end["response"]["content"]) == ("LLMStreamStart", "LLMStreamEnd", "in pieces")
    assert tool == {
        "type": "ToolCall", "tool_name": "shout", "arguments": {"text": "a"}, "result": "A", "agent_id": "bob",
    }  # fmt: skip


async def test_a_tool_that_a_program_runs_itself_is_logged_too_and_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOOR_TOKEN", "sesame-sesame-1")

    def shout(text: str) -> str:
        return text.upper() + "sesame-sesame-1"

    tool = FunctionTool(shout, "shouts")
    await tool.run_json({"text": "nobody listens"}, CancellationToken())
    with caplog.at_level(logging.INFO, logger=EVENT_LOGGER_NAME):
        await StaticWorkbench([tool]).call_tool("shout", {"text": "a"})
        await Gate().tool("bob", tool, FunctionCall("1", '{"text": "b"}', "shout"))
        with MessageHandlerContext.populate_context(AgentId("asking", "k")):
            await tool.run_json({"text": "c"}, CancellationToken())
    told = [(event["type"], event["arguments"]["text"], event["agent_id"]) for event in listened(caplog)]
    assert told == [("ToolCall", "a", None), ("ToolCall", "b", "bob"), ("ToolCall", "c", "asking/k")]
    assert listened(caplog)[0]["result"] == "A[redacted DOOR_TOKEN]"


async def test_a_call_of_a_client_is_logged_once_by_its_gate_or_where_there_is_none_by_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked: list[LLMMessage] = [UserMessage(content="say sesame-sesame-2", source="user")]
    async with sse_server() as server:
        server.says({"content": "it is sesame-sesame-2"})
        server.says({"content": "ok"})
        client = OpenAIChatCompletionClient("m", base_url=server.url, api_key="sesame-sesame-2")
        with caplog.at_level(logging.INFO, logger=EVENT_LOGGER_NAME):
            assert [part async for part in client.create_stream(asked)]
            async for _ in Gate().model("bob", client, asked, stream=True):
                pass
        await client.close()
    start, end, *through_the_gate = listened(caplog)
    assert (start["type"], end["type"], end["agent_id"]) == ("LLMStreamStart", "LLMStreamEnd", None)
    assert (end["prompt_tokens"], end["completion_tokens"]) == (3, 4)
    assert end["response"]["content"].startswith("it is [redacted") and "sesame-sesame-2" not in caplog.text
    assert [(event["type"], event["agent_id"]) for event in through_the_gate] == [
        ("LLMStreamStart", "bob"),
        ("LLMStreamEnd", "bob"),
    ]


async def test_a_call_in_one_piece_is_logged_with_its_tokens(caplog: pytest.LogCaptureFixture) -> None:
    said = {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "ok"}}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
            "id": "x", "object": "chat.completion", "created": 0, "model": "m"}  # fmt: skip
    client = OpenAIChatCompletionClient("m", api_key="k")
    client._client = MagicMock()
    client._client.chat.completions.create = AsyncMock(return_value=ChatCompletion.model_validate(said))
    with caplog.at_level(logging.INFO, logger=EVENT_LOGGER_NAME):
        await client.create([UserMessage(content="hi", source="user")])
    (event,) = [record.msg for record in caplog.records if record.name == EVENT_LOGGER_NAME]
    assert isinstance(event, LLMCallEvent) and (event.prompt_tokens, event.completion_tokens) == (3, 4)


class Raw(BaseModel):
    data: bytes


async def test_the_text_of_a_result_is_made_only_where_it_is_logged() -> None:
    def read() -> Raw:
        return Raw(data=b"\xff")  # which is no JSON

    assert await FunctionTool(read, "reads").run_json({}, CancellationToken()) == Raw(data=b"\xff")


async def test_arguments_that_are_no_json_are_logged_as_python_writes_them(caplog: pytest.LogCaptureFixture) -> None:
    def size(data: Any) -> int:
        return len(data)

    tool = FunctionTool(size, "its size")
    with caplog.at_level(logging.INFO, logger=EVENT_LOGGER_NAME):
        assert await tool.run_json({"data": b"\xff"}, CancellationToken()) == 1
        result = await Gate().tool("bob", tool, FunctionCall("1", '{"data": "\\ud800"}', "size"))
    assert result.to_text() == "1"
    assert [event["arguments"] for event in listened(caplog)] == [{"data": r"b'\xff'"}, {"data": "\ufffd"}]


def test_half_a_character_is_logged_as_a_mark() -> None:
    event = ToolCallEvent(tool_name="ls", arguments={"names": ["a\ud800b"]}, result="\udcff")
    logged = json.loads(str(event))
    assert (logged["arguments"]["names"], logged["result"]) == (["a\ufffdb"], "\ufffd")


def test_an_event_belongs_to_the_agent_whose_handler_is_running() -> None:
    with MessageHandlerContext.populate_context(AgentId("a", "b")):
        inside = ToolCallEvent(tool_name="t", arguments={}, result="")
    outside = LLMCallEvent(messages=[], response={}, prompt_tokens=1, completion_tokens=2)
    assert (inside.kwargs["agent_id"], outside.kwargs["agent_id"]) == ("a/b", None)
    assert (outside.prompt_tokens, outside.completion_tokens) == (1, 2)
