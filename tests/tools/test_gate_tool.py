"""A tool call is an effect: approved where the tool says so, recorded, without secrets, ended with the token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from pydantic import BaseModel

from nbagents.cancellation import CancellationToken
from nbagents.code import CodeResult
from nbagents.errors import HumanInputUnavailable
from nbagents.models import FunctionCall
from nbagents.runtime import Answer, Approvals, Gate, Question, Redactor, passing
from nbagents.tools import (
    BaseStreamTool,
    FunctionTool,
    PythonCodeExecutionTool,
    StaticStreamWorkbench,
    StaticWorkbench,
    ToolOverride,
)
from tests.scripted import ScriptedExecutor, ScriptedPerson


def add(a: int, b: int = 2) -> int:
    return a + b


def call(name: str, arguments: str) -> FunctionCall:
    return FunctionCall(id="c1", name=name, arguments=arguments)


def entries(gate: Gate, *types: str) -> list[dict[str, Any]]:
    return [entry for entry in gate.journal.entries if entry["type"] in types]


async def test_a_call_is_recorded_with_its_request_and_result() -> None:
    gate = Gate()

    result = await gate.tool("ann", StaticWorkbench([FunctionTool(add, "adds")]), call("add", '{"a": 1}'))

    effect, done = entries(gate, "effect", "result")
    assert result.to_text() == "3" and not result.is_error
    assert (effect["kind"], effect["agent"], effect["request"]) == (
        "tool",
        "ann",
        {"name": "add", "arguments": {"a": 1}},
    )
    assert done["ok"] and done["value"] == {
        "result": [{"content": "3", "type": "TextResultContent"}],
        "is_error": False,
    }


async def test_a_single_tool_can_be_called() -> None:
    assert (await Gate().tool("ann", FunctionTool(add, "adds"), call("add", '{"a": 1}'))).to_text() == "3"


@pytest.mark.parametrize("arguments", ['{"a": ', "[1]", "7"])
async def test_arguments_that_are_no_json_object_are_an_error_result_and_no_effect(arguments: str) -> None:
    gate = Gate()

    result = await gate.tool("ann", FunctionTool(add, "adds"), call("add", arguments))

    assert result.is_error and result.to_text().startswith("Error: ")
    assert not gate.journal.entries


async def test_no_arguments_may_be_written_as_no_text() -> None:
    def now() -> str:
        return "noon"

    assert (await Gate().tool("ann", FunctionTool(now, "tells the time"), call("now", ""))).to_text() == "noon"


async def test_secrets_are_taken_out_of_the_result_and_the_journal() -> None:
    def key(of: str) -> str:
        return f"{of}: hunter2-hunter2"

    gate = Gate(redactor=Redactor({"PASSWORD": "hunter2-hunter2"}))

    result = await gate.tool("ann", FunctionTool(key, "key"), call("key", '{"of": "hunter2-hunter2"}'))

    assert result.to_text() == "[redacted PASSWORD]: [redacted PASSWORD]"
    assert "hunter2" not in str(gate.journal.entries)


async def test_a_workbench_that_raises_gives_an_error_result() -> None:
    class Broken(StaticWorkbench):
        async def call_tool(self, *_: Any, **__: Any) -> Any:
            raise ConnectionError("the server went away")

    result = await Gate().tool("ann", Broken([]), call("x", "{}"))

    assert result.is_error and result.to_text() == "Error: the server went away"


class TestApproval:
    def tool(self) -> FunctionTool:
        return FunctionTool(add, "adds", requires_approval=True)

    async def test_a_tool_that_says_so_waits_for_a_person(self) -> None:
        person = ScriptedPerson([Answer("run")])

        result = await Gate(asker=person).tool("ann", self.tool(), call("add", '{"a": 1}'))

        (question,) = person.questions
        assert question.kind == "approval" and question.target == "add"
        assert question.block is not None and question.block.code == '{\n  "a": 1\n}'
        assert result.to_text() == "3"

    async def test_no_is_an_error_result_with_the_reason_and_nothing_is_called(self) -> None:
        gate = Gate(asker=ScriptedPerson([Answer("reject", text="too dear")]))

        result = await gate.tool("ann", self.tool(), call("add", '{"a": 1}'))

        assert result.is_error and "not approved. Reason: too dear" in result.to_text()
        assert not entries(gate, "effect")

    async def test_edited_arguments_are_those_of_the_call_and_the_model_is_told(self) -> None:
        gate = Gate(asker=ScriptedPerson([Answer("edit", code='{"a": 5}')]))

        result = await gate.tool("ann", self.tool(), call("add", '{"a": 1}'))

        assert result.to_text() == '(A person changed the arguments to {"a": 5}.)\n7'
        assert entries(gate, "effect")[0]["request"]["arguments"] == {"a": 5}

    async def test_allowed_for_the_run_is_for_this_agent_and_this_tool_only(self) -> None:
        person = ScriptedPerson([Answer("allow"), Answer("run"), Answer("run")])
        gate, other = Gate(asker=person), FunctionTool(add, "adds", name="plus", requires_approval=True)

        for _ in range(3):
            await gate.tool("ann", self.tool(), call("add", '{"a": 1}'))
        await gate.tool("bob", self.tool(), call("add", '{"a": 1}'))
        await gate.tool("ann", other, call("plus", '{"a": 1}'))

        assert len(person.questions) == 3

    async def test_the_policy_always_asks_nobody(self) -> None:
        gate = Gate(approvals=Approvals("always"), asker=ScriptedPerson([]))

        assert (await gate.tool("ann", self.tool(), call("add", '{"a": 1}'))).to_text() == "3"

    async def test_an_override_does_not_hide_that_a_tool_needs_approval(self) -> None:
        person = ScriptedPerson([Answer("run")])
        bench = StaticWorkbench([self.tool()], {"add": ToolOverride(name="plus")})

        await Gate(asker=person).tool("ann", bench, call("plus", '{"a": 1}'))

        assert len(person.questions) == 1

    async def test_nobody_to_ask_ends_the_run(self) -> None:
        async def nobody(question: Question) -> None:
            raise HumanInputUnavailable("nobody is here")

        with pytest.raises(HumanInputUnavailable):
            await Gate(asker=nobody).tool("ann", self.tool(), call("add", '{"a": 1}'))


class TestStopping:
    """Cancelling ends the call, also of a tool that looks at no token."""

    @pytest.fixture
    def started(self) -> asyncio.Event:
        return asyncio.Event()

    def endless(self, started: asyncio.Event, ended: list[str]) -> FunctionTool:
        async def wait(why: str) -> str:
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(why)
            return "never"

        return FunctionTool(wait, "waits")

    async def test_cancelling_the_token_ends_the_call(self, started: asyncio.Event) -> None:
        gate, token, ended = Gate(), CancellationToken(), list[str]()
        calling = asyncio.ensure_future(
            gate.tool("ann", self.endless(started, ended), call("wait", '{"why": "x"}'), token)
        )
        await started.wait()

        token.cancel()

        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(calling, 1)
        assert ended == ["x"] and entries(gate, "result")[0]["ok"] is False

    async def test_cancelling_the_awaiting_task_ends_the_call(self, started: asyncio.Event) -> None:
        ended = list[str]()
        calling = asyncio.ensure_future(Gate().tool("ann", self.endless(started, ended), call("wait", '{"why": "x"}')))
        await started.wait()

        calling.cancel()
        await asyncio.wait([calling], timeout=1)

        assert calling.cancelled() and ended == ["x"]
        assert len(asyncio.all_tasks()) == 1


class Counted(BaseModel):
    upto: int


class Total(BaseModel):
    total: int


class Counting(BaseStreamTool[Counted, int, Total]):
    def __init__(self) -> None:
        super().__init__(Counted, Total, "count", "counts")

    async def run(self, args: Counted, cancellation_token: CancellationToken) -> Total:
        return Total(total=args.upto)

    async def run_stream(
        self, args: Counted, cancellation_token: CancellationToken
    ) -> AsyncGenerator[int | Total, None]:
        for number in range(args.upto):
            yield number
        yield Total(total=args.upto)


async def test_what_a_streaming_tool_tells_is_emitted_under_its_other_name_too() -> None:
    told: list[Any] = []
    bench = StaticStreamWorkbench([Counting()], {"count": ToolOverride(name="tally")})

    result = await Gate().tool("ann", bench, call("tally", '{"upto": 3}'), emit=told.append)

    assert told == [0, 1, 2] and result.to_text() == '{"total": 3}' and result.name == "tally"


class TestPythonCodeExecutionTool:
    async def test_within_a_run_the_block_passes_the_gate(self) -> None:
        person, executor = ScriptedPerson([Answer("reject", text="no")]), ScriptedExecutor("1\n")
        gate = Gate(asker=person)

        with passing(gate):
            result = await gate.tool("ann", PythonCodeExecutionTool(executor), call("CodeExecutor", '{"code": "1"}'))

        assert person.questions[0].agent == "ann" and executor.ran == []
        assert "not approved. Reason: no" in result.to_text()

    async def test_what_is_approved_runs_and_its_output_comes_back(self) -> None:
        executor = ScriptedExecutor(CodeResult(exit_code=0, output="1\n"))
        gate = Gate(asker=ScriptedPerson([Answer("run")]))

        with passing(gate):
            result = await gate.tool("ann", PythonCodeExecutionTool(executor), call("CodeExecutor", '{"code": "1"}'))

        assert executor.ran == ["1"] and result.to_text() == "1\n"
        assert [entry["kind"] for entry in entries(gate, "effect")] == ["tool", "code"]

    async def test_a_programs_own_call_runs_unasked(self) -> None:
        tool = PythonCodeExecutionTool(ScriptedExecutor(CodeResult(exit_code=1, output="boom")))

        result = await tool.run_json({"code": "1/0"}, CancellationToken())

        assert (result.success, result.output) == (False, "boom")
        assert tool.return_value_as_string(result) == "boom"
