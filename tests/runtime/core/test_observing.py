"""What a runtime tells logs and tracers, and that handlers belong to the run of whoever sent the message."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from nbagents.runtime import (
    EVENT_LOGGER_NAME,
    AgentId,
    Gate,
    MessageContext,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    current_gate,
    message_handler,
    passing,
)

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
    stages = [(event["kind"], event["delivery_stage"]) for event in events if event["type"] == "Message"][:5]
    assert stages == [
        ("MessageKind.PUBLISH", "DeliveryStage.SEND"),
        ("MessageKind.DIRECT", "DeliveryStage.SEND"),
        ("MessageKind.PUBLISH", "DeliveryStage.DELIVER"),
        ("MessageKind.DIRECT", "DeliveryStage.DELIVER"),
        ("MessageKind.RESPOND", "DeliveryStage.SEND"),
    ]
    assert json.loads(events[0]["payload"]) == {"text": "one"} and events[0]["receiver"] == "news/k"
    failure = events[-1]
    assert (failure["type"], failure["handling_agent"]) == ("MessageHandlerException", "failing/k")


class Spans:
    """A tracer provider and its tracer: notes the names of spans as they begin."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def get_tracer(self, name: str) -> Spans:
        return self

    @contextmanager
    def start_as_current_span(self, name: str, attributes: dict[str, Any]) -> Iterator[None]:
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
