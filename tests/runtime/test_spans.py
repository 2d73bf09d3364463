"""OpenTelemetry spans: what a trace of a run looks like, and that nothing happens where nobody wants one."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from nbagents.agents import AssistantAgent, CodeExecutorAgent
from nbagents.cancellation import CancellationToken
from nbagents.errors import BudgetReached, RunFailed
from nbagents.models import CreateResult, FunctionCall, ReplayChatCompletionClient, RequestUsage
from nbagents.runtime import (
    AgentId,
    Approvals,
    Budget,
    Gate,
    Run,
    SingleThreadedAgentRuntime,
    ToolAgent,
    passing,
)
from nbagents.teams import DiGraphBuilder, GraphFlow, RoundRobinGroupChat
from nbagents.tools import FunctionTool
from tests.runtime.core.agents import Failing, Said
from tests.scripted import ScriptedExecutor


class Spans:
    """What was exported."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    @property
    def all(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def named(self, name: str) -> ReadableSpan:
        return next(span for span in self.all if span.name == name)

    def tree(self) -> list[str]:
        """Each span as its path from the root, in the order in which they began."""
        by_id = {span.context.span_id: span for span in self.all if span.context}

        def path(span: ReadableSpan) -> str:
            parent = by_id.get(span.parent.span_id) if span.parent else None
            return f"{path(parent)} > {span.name}" if parent else span.name

        return [path(span) for span in sorted(self.all, key=lambda span: span.start_time or 0)]


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    yield Spans(exporter)
    provider.shutdown()


def paid(*answers: str | CreateResult, model: str = "gpt-x") -> ReplayChatCompletionClient:
    client = ReplayChatCompletionClient(list(answers))
    client.provider, client.model = "openai", model
    return client


def calling(tool: str) -> CreateResult:
    content = [FunctionCall("1", '{"city": "Oslo"}', tool)]
    return CreateResult(
        finish_reason="function_calls", content=content, usage=RequestUsage(30, 4), model="gpt-x-2026-01-01"
    )


def weather(city: str) -> str:
    """The weather."""
    return f"sun in {city}"


async def test_a_tool_that_a_program_runs_itself_has_its_span(spans: Spans) -> None:
    tool = FunctionTool(weather, "weather")
    await tool.run_json({"city": "Oslo"}, CancellationToken())
    with pytest.raises(ValueError, match="city"):
        await tool.run_json({}, CancellationToken())

    ran, failed = spans.all
    assert ran.name == "execute_tool weather" and ran.status.status_code is StatusCode.UNSET
    assert failed.status.status_code is StatusCode.ERROR


@pytest.mark.parametrize("unwanted", ["", "true"])
async def test_a_runtime_has_the_spans_of_the_programs_provider(
    spans: Spans, unwanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOGEN_DISABLE_RUNTIME_TRACING", unwanted)
    runtime = SingleThreadedAgentRuntime()
    await ToolAgent.register(runtime, "tools", lambda: ToolAgent("runs tools", [FunctionTool(weather, "weather")]))
    runtime.start()
    await runtime.send_message(FunctionCall("1", '{"city": "Oslo"}', "weather"), AgentId("tools", "k"))
    await runtime.stop_when_idle()

    sent = ["nbagents send tools/k", "nbagents send tools/k > nbagents process tools/k"]
    assert [path for path in spans.tree() if "execute_tool" not in path] == ([] if unwanted else sent)


async def test_an_error_of_a_handler_is_named_by_its_type(spans: Spans) -> None:
    runtime = SingleThreadedAgentRuntime()
    await Failing.register(runtime, "failing", Failing)
    runtime.start()
    with pytest.raises(ValueError, match="cannot hear sesame"):
        await runtime.send_message(Said("sesame"), AgentId("failing", "k"))
    await runtime.stop_when_idle()

    assert [span.name for span in spans.all] == ["nbagents process failing/k", "nbagents send failing/k"]
    for span in spans.all:
        assert span.status.status_code is StatusCode.ERROR and (span.attributes or {})["error.type"] == "ValueError"
        assert "sesame" not in span.to_json()


async def test_a_run_is_a_tree(spans: Spans) -> None:
    clerk = AssistantAgent("clerk", paid(calling("weather"), "Sun."), tools=[weather], reflect_on_tool_use=True)
    critic = AssistantAgent("critic", paid("Fine.", model="m2"))
    await RoundRobinGroupChat([clerk, critic], max_turns=2, name="desk").run(task="What is the weather in Oslo?")
    root, turn = "invoke_workflow desk", "invoke_workflow desk > invoke_agent clerk"
    assert spans.tree() == [
        root, turn, f"{turn} > chat gpt-x", f"{turn} > execute_tool weather", f"{turn} > chat gpt-x",
        f"{root} > invoke_agent critic", f"{root} > invoke_agent critic > chat m2",
    ]  # fmt: skip
    assert len({span.context.trace_id for span in spans.all if span.context}) == 1


async def test_the_attributes_are_those_of_the_conventions(spans: Spans) -> None:
    clerk = AssistantAgent("clerk", paid(calling("weather"), "Sun."), tools=[weather], reflect_on_tool_use=True)
    await RoundRobinGroupChat([clerk], max_turns=1, name="desk").run(task="What is the weather in Oslo?")
    chat, tool = spans.named("chat gpt-x"), spans.named("execute_tool weather")
    assert chat.kind is SpanKind.CLIENT and tool.kind is SpanKind.INTERNAL
    assert dict(chat.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-x",
        "gen_ai.response.model": "gpt-x-2026-01-01",
        "gen_ai.response.finish_reasons": ("tool_calls",),
        "gen_ai.usage.input_tokens": 30,
        "gen_ai.usage.output_tokens": 4,
        "gen_ai.agent.name": "clerk",
    }
    assert dict(tool.attributes or {}) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "weather",
        "gen_ai.tool.call.id": "1",
        "gen_ai.agent.name": "clerk",
    }
    agent, team = spans.named("invoke_agent clerk"), spans.named("invoke_workflow desk")
    assert dict(agent.attributes or {}) == {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "clerk"}
    assert dict(team.attributes or {}) == {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": "desk"}


async def test_the_parts_of_a_run_that_was_resumed_belong_together(spans: Spans) -> None:
    clerk = AssistantAgent("clerk", paid("One.", "Two."))
    run = Run("r", RoundRobinGroupChat([clerk], max_turns=2, name="desk"), Gate(budget=Budget(turns=1)))
    run.start("Count.")
    with pytest.raises(BudgetReached):
        await run
    await run.resume("+1turn")
    parts = [span for span in spans.all if span.name == "invoke_workflow desk"]
    assert [dict(part.attributes or {})["gen_ai.conversation.id"] for part in parts] == [run.id, run.id]
    assert [part.status.status_code for part in parts] == [StatusCode.ERROR, StatusCode.UNSET]


async def test_no_text_of_the_conversation_is_in_a_span(spans: Spans) -> None:
    async def fails(city: str) -> str:
        """Fails."""
        raise ValueError("secret words")

    clerk = AssistantAgent("clerk", paid(calling("fails")), tools=[fails])
    await RoundRobinGroupChat([clerk], max_turns=1).run(task="secret words")
    assert "secret" not in "".join(span.to_json() for span in spans.all)
    assert "Oslo" not in "".join(span.to_json() for span in spans.all)


async def test_an_error_is_named_where_it_happened_and_in_what_is_around_it(spans: Spans) -> None:
    with pytest.raises(RunFailed):
        await RoundRobinGroupChat([AssistantAgent("a", paid())], name="desk", max_turns=1).run(task="go")
    told = {span.name: (span.status.status_code, (span.attributes or {}).get("error.type")) for span in spans.all}
    assert told == {
        "chat gpt-x": (StatusCode.ERROR, "ValueError"),
        "invoke_agent a": (StatusCode.ERROR, "ValueError"),
        "invoke_workflow desk": (StatusCode.ERROR, "RunFailed"),
    }


async def test_parallel_branches_do_not_mix(spans: Spans) -> None:
    both = asyncio.Barrier(2)

    class Together(ReplayChatCompletionClient):
        async def create(self, messages: Any, **options: Any) -> CreateResult:
            await both.wait()
            return await super().create(messages, **options)

    agents = [AssistantAgent("start", paid("go"))]
    for name in ("left", "right"):
        client = Together(["done"])
        client.provider, client.model = "openai", name
        agents.append(AssistantAgent(name, client))
    graph = DiGraphBuilder()
    for agent in agents:
        graph.add_node(agent)
    graph.add_edge(agents[0], agents[1]).add_edge(agents[0], agents[2])
    await GraphFlow(agents, graph.build(), name="flow").run(task="go")
    assert set(spans.tree()) >= {
        "invoke_workflow flow > invoke_agent left > chat left",
        "invoke_workflow flow > invoke_agent right > chat right",
    }


async def test_code_and_an_agent_alone_have_spans(spans: Spans) -> None:
    agent = CodeExecutorAgent("runner", ScriptedExecutor("1"))
    with passing(Gate(approvals=Approvals("always"))):
        await agent.run(task="```python\nprint(1)\n```")
    assert spans.tree() == ["invoke_agent runner", "invoke_agent runner > execute_code live"]


@pytest.mark.parametrize("stream", [False, True])
async def test_what_a_client_does_on_the_io_thread_is_below_the_call(spans: Spans, stream: bool) -> None:
    class Remote(ReplayChatCompletionClient):
        on_io_thread = True

        async def create(self, messages: Any, **options: Any) -> CreateResult:
            with trace.get_tracer_provider().get_tracer("http").start_as_current_span("POST"):
                return await super().create(messages, **options)

    client = Remote(["one two"])
    client.provider, client.model = "openai", "m"
    await AssistantAgent("a", client, model_client_stream=stream).run(task="go")
    assert spans.tree() == ["invoke_agent a", "invoke_agent a > chat m", "invoke_agent a > chat m > POST"]


async def test_leaving_a_stream_early_ends_its_spans(spans: Spans) -> None:
    class Endless(ReplayChatCompletionClient):
        async def create_stream(self, *arguments: Any, **options: Any) -> AsyncGenerator[str | CreateResult, None]:
            while True:
                yield "word "
                await asyncio.sleep(0)

    client = Endless([])
    team = RoundRobinGroupChat([AssistantAgent("a", client, model_client_stream=True)], name="desk")
    stream = team.run_stream(task="go")
    async for item in stream:
        if getattr(item, "content", "") == "word ":
            break
    await stream.aclose()
    assert [span.name for span in spans.all] == ["chat script", "invoke_agent a", "invoke_workflow desk"]
    assert {(span.attributes or {}).get("error.type") for span in spans.all} == {"CancelledError"}


def test_without_a_tracer_provider_nothing_is_imported() -> None:
    code = (
        "import asyncio, sys\n"
        "from nbagents.agents import AssistantAgent\n"
        "from nbagents.models import ReplayChatCompletionClient\n"
        "asyncio.run(AssistantAgent('a', ReplayChatCompletionClient(['x'])).run(task='go'))\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


async def test_the_api_without_a_provider_makes_no_span() -> None:
    from nbagents.runtime.spans import NoSpan, turn_span

    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    assert isinstance(turn_span("a"), NoSpan)
