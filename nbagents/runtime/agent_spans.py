"""OpenTelemetry spans for agents and tools of the user's own; names and signatures are those of ``autogen_core``.

Span names and attributes are those of OpenTelemetry's conventions for generative AI. What is given no tracer takes that
of the global provider. OpenTelemetry is none of our dependencies: whoever wants spans has it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from ..errors import ConfigurationError

Span = Any
"""An ``opentelemetry.trace.Span``."""
Tracer = Any
"""An ``opentelemetry.trace.Tracer``."""

SYSTEM = "nbagents"


def trace_create_agent_span(
    agent_name: str,
    *,
    tracer: Tracer = None,
    parent: Span = None,
    agent_id: str | None = None,
    agent_description: str | None = None,
) -> AbstractContextManager[Span]:
    """A span in which an agent is made.

    Args:
        agent_name: which agent.
        tracer: makes the span; that of the global provider unless given.
        parent: the span around it; the current one unless given.
        agent_id: its id, if it has one beside its name.
        agent_description: what it is for.

    Raises:
        ConfigurationError: the opentelemetry-api package is missing.
    """
    return _agent_span("create_agent", agent_name, tracer, parent, agent_id, agent_description)


def trace_invoke_agent_span(
    agent_name: str,
    *,
    tracer: Tracer = None,
    parent: Span = None,
    agent_id: str | None = None,
    agent_description: str | None = None,
) -> AbstractContextManager[Span]:
    """A span in which an agent works; arguments and errors are those of `trace_create_agent_span`."""
    return _agent_span("invoke_agent", agent_name, tracer, parent, agent_id, agent_description)


def trace_tool_span(
    tool_name: str,
    *,
    tracer: Tracer = None,
    parent: Span = None,
    tool_description: str | None = None,
    tool_call_id: str | None = None,
) -> AbstractContextManager[Span]:
    """A span in which a tool works.

    Args:
        tool_name: which tool.
        tracer: makes the span; that of the global provider unless given.
        parent: the span around it; the current one unless given.
        tool_description: what it is for.
        tool_call_id: the id of the call.

    Raises:
        ConfigurationError: the opentelemetry-api package is missing.
    """
    about = {
        "gen_ai.tool.name": tool_name,
        "gen_ai.tool.description": tool_description,
        "gen_ai.tool.call.id": tool_call_id,
    }
    return _span("execute_tool", tool_name, "INTERNAL", about, tracer, parent)


def _agent_span(
    what: str, name: str, tracer: Tracer, parent: Span, id: str | None, description: str | None
) -> AbstractContextManager[Span]:
    about = {"gen_ai.agent.name": name, "gen_ai.agent.id": id, "gen_ai.agent.description": description}
    return _span(what, name, "CLIENT", about, tracer, parent)


@contextmanager
def _span(
    what: str, name: str, kind: str, about: dict[str, str | None], tracer: Tracer, parent: Span
) -> Iterator[Span]:
    try:
        trace = importlib.import_module("opentelemetry.trace")
    except ImportError as error:
        raise ConfigurationError("a span needs the opentelemetry-api package: pip install opentelemetry-api") from error
    said = {"gen_ai.operation.name": what, "gen_ai.system": SYSTEM, **about}
    attributes = {key: value for key, value in said.items() if value is not None}
    around = trace.set_span_in_context(parent) if parent is not None else None
    making = tracer or trace.get_tracer(SYSTEM)
    # An exception is recorded by `start_as_current_span`, which hands it on.
    with making.start_as_current_span(
        f"{what} {name}", context=around, kind=trace.SpanKind[kind], attributes=attributes
    ) as span:
        try:
            yield span
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            raise
