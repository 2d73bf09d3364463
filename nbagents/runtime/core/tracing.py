"""Spans for whoever brings or has set an OpenTelemetry tracer provider; without one nothing happens.

As in a run's spans, an error is named by its type: its text may be anybody's.

A handler runs with the context variables of its sender, so its span is the child of the sender's by itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..spans import mark_failed, program_provider
from .identity import AgentId, TopicId


def tracing(provider: Any) -> Tracing | None:
    """The spans of a runtime that was given this provider, or None: then the one that the program has set counts.

    AutoGen's environment variable AUTOGEN_DISABLE_RUNTIME_TRACING, which is "true", wants none.
    """
    if os.environ.get("AUTOGEN_DISABLE_RUNTIME_TRACING", "").lower() == "true":
        return None
    chosen = provider if provider is not None else program_provider()
    return Tracing(chosen) if chosen is not None else None


class Tracing:
    """Makes the spans of one runtime.

    Args:
        provider: an ``opentelemetry.trace.TracerProvider``.
    """

    def __init__(self, provider: Any) -> None:
        self._tracer = provider.get_tracer("nbagents.runtime")

    @contextmanager
    def span(self, what: str, where: AgentId | TopicId) -> Iterator[None]:
        """A span named ``nbagents WHAT WHERE``, current within."""
        attributes = {"messaging.operation": what, "messaging.destination": str(where)}
        name, silent = f"nbagents {what} {where}", {"record_exception": False, "set_status_on_exception": False}
        with self._tracer.start_as_current_span(name, attributes=attributes, **silent) as span:
            try:
                yield
            except BaseException as error:
                mark_failed(span, error)
                raise
