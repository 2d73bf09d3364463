"""OpenTelemetry spans of a run: its teams, turns, model calls, tools and code, by the GenAI semantic conventions.

Nothing is imported for it: whoever wants spans has imported `opentelemetry.trace` and set a tracer provider, and where
nobody has, a span is an object that does nothing. No text of a prompt, an answer or an error goes into a span: it may
hold anything, and traces travel.

    invoke_workflow TEAM
    └── invoke_agent AGENT                 one turn
        ├── chat MODEL                     gen_ai.usage.*, gen_ai.response.*
        ├── execute_tool TOOL
        └── execute_code TARGET            not in the conventions, which know no code

Source: OpenTelemetry semantic conventions for generative AI (status: development), 1.41.
"""

from __future__ import annotations

import sys
from contextvars import Context, copy_context
from typing import Any, Self

from ..models.messages import CreateResult


class Span:
    """A span from entering to leaving; within, it is the current one if `current`.

    Args:
        tracer: an ``opentelemetry.trace.Tracer``.
        operation: the first word of its name.
        about: the second: whose or what.
        attributes: known at its start.
        kind: "INTERNAL", or "CLIENT" for what a server does.
        current: False where it is left in another context than it was entered in.
    """

    def __init__(
        self,
        tracer: Any,
        operation: str,
        about: str,
        attributes: dict[str, Any],
        *,
        kind: str = "INTERNAL",
        current: bool = True,
    ) -> None:
        self._api = sys.modules["opentelemetry.trace"]
        self._span = tracer.start_span(
            f"{operation} {about}".strip(),
            kind=getattr(self._api.SpanKind, kind),
            attributes={"gen_ai.operation.name": operation, **attributes},
        )
        self._entered = (
            self._api.use_span(self._span, record_exception=False, set_status_on_exception=False) if current else None
        )

    def __enter__(self) -> Self:
        if self._entered is not None:
            self._entered.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if self._entered is not None:
            self._entered.__exit__(kind, error, trace)
        if error is not None:
            mark_failed(self._span, error)
        self._span.end()

    def context(self) -> Context:
        """A copy of the current context in which this span is the current one."""
        context, with_span = copy_context(), self._api.set_span_in_context(self._span)
        context.run(sys.modules["opentelemetry.context"].attach, with_span)
        return context

    def called(self, id: str) -> None:
        """Say of a tool's work which call of a model it answers. The id is no part of the effect's request: another
        model call that asks for the same has another."""
        self._span.set_attribute("gen_ai.tool.call.id", id)

    def answered(self, result: CreateResult) -> None:
        """Say of a model call what came of it."""
        told = {
            "gen_ai.response.model": result.model or None,
            "gen_ai.response.finish_reasons": (_FINISHED.get(result.finish_reason, result.finish_reason),),
            "gen_ai.usage.input_tokens": result.usage.prompt_tokens,
            "gen_ai.usage.output_tokens": result.usage.completion_tokens,
        }
        self._span.set_attributes({name: value for name, value in told.items() if value is not None})


def mark_failed(span: Any, error: BaseException) -> None:
    """Say of an OpenTelemetry span that it failed, and with what kind of error; no text of it."""
    span.set_attribute("error.type", type(error).__qualname__)
    span.set_status(sys.modules["opentelemetry.trace"].StatusCode.ERROR)


class NoSpan:
    """What there is where nobody wants spans."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        return None

    def context(self) -> Context:
        """A copy of the current context."""
        return copy_context()

    def called(self, id: str) -> None:
        """Nothing is said to nobody."""

    def answered(self, result: CreateResult) -> None:
        """Nothing is said to nobody."""


_FINISHED = {"function_calls": "tool_calls"}
_NONE = NoSpan()
_made: tuple[Any, Any] = (None, None)


def team_span(team: str, conversation: str = "") -> Span | NoSpan:
    """The span of a team at work; a run that was resumed has one for each time, of the same conversation."""
    tracer = _tracer()
    if tracer is None:
        return _NONE
    return Span(tracer, "invoke_workflow", team, {"gen_ai.workflow.name": team, **_of(conversation)})


def turn_span(agent: str, conversation: str = "") -> Span | NoSpan:
    """The span of one turn of an agent; with the id of the conversation where it is alone."""
    tracer = _tracer()
    if tracer is None:
        return _NONE
    return Span(tracer, "invoke_agent", agent, {"gen_ai.agent.name": agent, **_of(conversation)})


def _of(conversation: str) -> dict[str, Any]:
    return {"gen_ai.conversation.id": conversation} if conversation else {}


def effect_span(kind: str, agent: str, request: dict[str, Any]) -> Span | NoSpan:
    """The span of one effect, as the gate knows it; a person's reply has none."""
    tracer = _tracer()
    if tracer is None or kind == "person":
        return _NONE
    whose = {"gen_ai.agent.name": agent}
    if kind == "tool":
        return Span(tracer, "execute_tool", request["name"], {"gen_ai.tool.name": request["name"], **whose})
    if kind == "code":
        return Span(tracer, "execute_code", request["target"], whose)
    provider, slash, model = request["model"].partition("/")
    if not slash:  # a client of the user's own
        provider, model = "_OTHER", provider
    told = {"gen_ai.provider.name": _PROVIDERS.get(provider, provider), "gen_ai.request.model": model, **whose}
    # Left where its stream is left, which may be another task's context.
    return Span(tracer, "chat", model, told, kind="CLIENT", current=False)


def tool_span(tool: str, *, current: bool) -> Span | NoSpan:
    """The span of a tool that a program runs itself."""
    tracer = _tracer()
    if tracer is None:
        return _NONE
    return Span(tracer, "execute_tool", tool, {"gen_ai.tool.name": tool}, current=current)


_PROVIDERS = {"azure": "azure.ai.openai"}
"""Where the conventions have another name for a provider than ours."""


def _tracer() -> Any:
    """The tracer of the provider that the program has set; None where it has set none."""
    global _made
    provider = program_provider()
    if provider is None:
        return None
    if _made[0] is not provider:
        from .. import __version__

        _made = (provider, provider.get_tracer("nbagents", __version__))
    return _made[1]


def program_provider() -> Any:
    """The tracer provider that the program has set; None where it has set none."""
    api = sys.modules.get("opentelemetry.trace")
    if api is None:
        return None
    provider = api.get_tracer_provider()
    return None if isinstance(provider, api.ProxyTracerProvider | api.NoOpTracerProvider) else provider
