"""Spans for agents and tools of the user's own, as OpenTelemetry's conventions for generative AI name them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, get_current_span

from nbagents.errors import ConfigurationError
from nbagents.runtime.agent_spans import trace_create_agent_span, trace_invoke_agent_span, trace_tool_span

PARENT = NonRecordingSpan(SpanContext(7, 8, is_remote=False, trace_flags=TraceFlags.DEFAULT))


class Spans:
    """A tracer that keeps what it was asked for."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []

    @contextmanager
    def start_as_current_span(self, name: str, **said: Any) -> Iterator[Spans]:
        self.made.append({"name": name, **said})
        yield self

    def set_attribute(self, key: str, value: str) -> None:
        self.made[-1]["attributes"][key] = value


def test_an_agent_and_a_tool_have_spans_with_what_is_known() -> None:
    tracer: Any = Spans()
    with (
        trace_create_agent_span("ann", tracer=tracer),
        trace_invoke_agent_span("ann", tracer=tracer, agent_id="a/1"),
        trace_tool_span("add", tracer=tracer, tool_description="adds", tool_call_id="c", parent=PARENT),
    ):
        pass
    create, invoke, tool = tracer.made

    assert [made["name"] for made in tracer.made] == ["create_agent ann", "invoke_agent ann", "execute_tool add"]
    assert create["attributes"] == {
        "gen_ai.operation.name": "create_agent", "gen_ai.system": "nbagents", "gen_ai.agent.name": "ann",
    }  # fmt: skip
    assert invoke["attributes"]["gen_ai.agent.id"] == "a/1" and invoke["kind"] is SpanKind.CLIENT
    assert tool["attributes"]["gen_ai.tool.call.id"] == "c" and tool["kind"] is SpanKind.INTERNAL
    assert get_current_span(tool["context"]) is PARENT and create["context"] is None


def test_an_error_is_named_and_handed_on() -> None:
    tracer: Any = Spans()
    with pytest.raises(KeyError), trace_tool_span("add", tracer=tracer):
        raise KeyError("x")
    assert tracer.made[0]["attributes"]["error.type"] == "KeyError"


def test_without_a_tracer_the_global_provider_makes_the_span() -> None:
    with trace_tool_span("add") as span:
        span.set_attribute("mine", 1)


def test_without_opentelemetry_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    with pytest.raises(ConfigurationError, match="pip install opentelemetry-api"), trace_tool_span("add"):
        pass
