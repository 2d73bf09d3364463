"""Spans for whoever brings an OpenTelemetry tracer provider; nothing is imported, and nothing happens without one.

A handler runs with the context variables of its sender, so its span is the child of the sender's by itself.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from .identity import AgentId, TopicId


class Tracing:
    """Makes the spans of one runtime.

    Args:
        provider: an ``opentelemetry.trace.TracerProvider``.
    """

    def __init__(self, provider: Any) -> None:
        self._tracer = provider.get_tracer("nbagents.runtime")

    def span(self, what: str, where: AgentId | TopicId) -> AbstractContextManager[Any]:
        """A span named ``nbagents WHAT WHERE``, current within."""
        attributes = {"messaging.operation": what, "messaging.destination": str(where)}
        span: AbstractContextManager[Any] = self._tracer.start_as_current_span(
            f"nbagents {what} {where}", attributes=attributes
        )
        return span
