"""Workbenches and their results: section 2.3 of the description, rule by rule."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from nbagents.cancellation import CancellationToken
from nbagents.errors import HumanInputUnavailable
from nbagents.image import Image
from nbagents.tools import (
    BaseStreamTool,
    BaseToolWithState,
    FunctionTool,
    ImageResultContent,
    StaticStreamWorkbench,
    StaticWorkbench,
    TextResultContent,
    ToolOverride,
    ToolResult,
)
from tests.tools.mcp_servers import PNG


def add(a: int, b: int = 2) -> int:
    return a + b


def boom(a: int) -> int:
    raise ValueError("bad thing")


ADD, BOOM = FunctionTool(add, "adds"), FunctionTool(boom, "fails")


class Step(BaseModel):
    by: int


class Count(BaseModel):
    count: int


class Counter(BaseToolWithState[Step, Count, Count]):
    def __init__(self) -> None:
        super().__init__(Step, Count, Count, "counter", "counts")
        self.count = 0

    async def run(self, args: Step, cancellation_token: CancellationToken) -> Count:
        self.count += args.by
        return Count(count=self.count)

    def save_state(self) -> Count:
        return Count(count=self.count)

    def load_state(self, state: Count) -> None:
        self.count = state.count


class Telling(BaseStreamTool[Step, str, Count]):
    def __init__(self, last: Any = None) -> None:
        super().__init__(Step, Count, "telling", "tells")
        self.last = last if last is not None else Count(count=1)

    async def run(self, args: Step, cancellation_token: CancellationToken) -> Count:
        return Count(count=args.by)

    async def run_stream(self, args: Step, cancellation_token: CancellationToken) -> AsyncGenerator[str | Count, None]:
        yield "one"
        yield "two"
        if isinstance(self.last, Exception):
            raise self.last
        yield self.last


async def streamed(bench: StaticStreamWorkbench, name: str, **arguments: Any) -> list[Any]:
    return [item async for item in bench.call_tool_stream(name, arguments)]


class TestToolResult:
    def test_is_autogens_json(self) -> None:
        result = ToolResult(name="x", result=[TextResultContent(content="a")])

        assert result.model_dump() == {
            "type": "ToolResult",
            "name": "x",
            "result": [{"type": "TextResultContent", "content": "a"}],
            "is_error": False,
        }
        assert ToolResult.model_validate(result.model_dump(mode="json")) == result

    def test_texts_stand_in_lines(self) -> None:
        pieces = [TextResultContent(content="a"), TextResultContent(content="b")]

        assert ToolResult(name="x", result=pieces).to_text() == "a\nb"

    def test_a_picture_never_becomes_base64(self) -> None:
        result = ToolResult(name="x", result=[ImageResultContent(content=Image.from_base64(PNG))])

        assert result.to_text() == "[image]" and result.to_text(replace_image="<pic>") == "<pic>"


class TestStaticWorkbench:
    async def test_lists_and_calls_its_tools(self) -> None:
        bench = StaticWorkbench([ADD, BOOM])

        assert [schema["name"] for schema in await bench.list_tools()] == ["add", "boom"]
        assert await bench.call_tool("add", {"a": 1}) == ToolResult.of_text("add", "3")

    async def test_an_error_is_a_result(self) -> None:
        result = await StaticWorkbench([BOOM]).call_tool("boom", {"a": 1})

        assert (result.is_error, result.to_text()) == (True, "bad thing")

    async def test_an_error_without_words_is_told_by_its_name(self) -> None:
        def silent() -> None:
            raise KeyboardError

        class KeyboardError(Exception): ...

        result = await StaticWorkbench([FunctionTool(silent, "")]).call_tool("silent")

        assert result.to_text() == "KeyboardError"

    async def test_unfit_arguments_are_a_result(self) -> None:
        result = await StaticWorkbench([ADD]).call_tool("add", {"a": "q"})

        assert result.is_error and "valid integer" in result.to_text()

    async def test_an_unknown_tool_is_a_result(self) -> None:
        result = await StaticWorkbench([ADD]).call_tool("nope")

        assert (result.is_error, result.to_text()) == (True, "Tool nope not found.")

    async def test_what_no_model_can_help_is_raised(self) -> None:
        async def ask() -> str:
            raise HumanInputUnavailable("nobody is here")

        with pytest.raises(HumanInputUnavailable):
            await StaticWorkbench([FunctionTool(ask, "")]).call_tool("ask")

    def test_names_are_unique(self) -> None:
        with pytest.raises(ValueError, match="more than one tool is called add"):
            StaticWorkbench([ADD, FunctionTool(add, "again")])

    async def test_state_is_that_of_its_tools(self) -> None:
        one, other = StaticWorkbench([Counter(), ADD]), StaticWorkbench([Counter()])
        await one.call_tool("counter", {"by": 3})

        state = await one.save_state()
        await other.load_state(state)

        assert state == {"type": "StaticWorkbenchState", "tools": {"counter": {"count": 3}, "add": {}}}
        assert (await other.call_tool("counter", {"by": 1})).to_text() == '{"count": 4}'

    async def test_a_state_of_something_else_is_refused(self) -> None:
        with pytest.raises(ValidationError):
            await StaticWorkbench([]).load_state({"type": "McpWorkBenchState"})

    async def test_it_is_used_with_async_with(self) -> None:
        async with StaticWorkbench([ADD]) as bench:
            assert await bench.list_tools()


class TestOverrides:
    async def test_give_other_names_and_descriptions(self) -> None:
        bench = StaticWorkbench([ADD, BOOM], {"add": ToolOverride(name="plus", description="sums")})

        first, second = await bench.list_tools()
        result = await bench.call_tool("plus", {"a": 1})

        assert (first["name"], first["description"], second["name"]) == ("plus", "sums", "boom")
        assert (result.name, result.to_text()) == ("plus", "3")
        assert ADD.schema["name"] == "add", "the tool itself is left alone"

    async def test_a_description_alone_keeps_the_name(self) -> None:
        (schema,) = await StaticWorkbench([ADD], {"add": ToolOverride(description="sums")}).list_tools()

        assert (schema["name"], schema["description"]) == ("add", "sums")

    def test_may_not_take_the_name_of_another_tool(self) -> None:
        with pytest.raises(ValueError, match="conflicts with existing tool name"):
            StaticWorkbench([ADD, BOOM], {"add": ToolOverride(name="boom")})

    def test_may_not_be_the_same(self) -> None:
        with pytest.raises(ValueError, match="'x' is used by multiple tools: 'add' and 'boom'"):
            StaticWorkbench([ADD, BOOM], {"add": ToolOverride(name="x"), "boom": ToolOverride(name="x")})


class TestStreaming:
    async def test_what_a_tool_tells_comes_before_its_result(self) -> None:
        assert await streamed(StaticStreamWorkbench([Telling()]), "telling", by=1) == [
            "one",
            "two",
            ToolResult.of_text("telling", '{"count": 1}'),
        ]

    async def test_other_names_are_known(self) -> None:
        bench = StaticStreamWorkbench([Telling()], {"telling": ToolOverride(name="saga")})

        *told, result = await streamed(bench, "saga", by=1)

        assert told == ["one", "two"] and (result.name, result.is_error) == ("saga", False)

    async def test_a_tool_that_tells_nothing_gives_its_result(self) -> None:
        assert await streamed(StaticStreamWorkbench([ADD]), "add", a=1) == [ToolResult.of_text("add", "3")]

    async def test_an_error_on_the_way_keeps_what_was_told(self) -> None:
        *told, result = await streamed(StaticStreamWorkbench([Telling(ValueError("lost"))]), "telling", by=1)

        assert told == ["one", "two"] and result == ToolResult.of_text("telling", "lost", is_error=True)

    async def test_a_stream_that_ends_with_something_else_is_an_error(self) -> None:
        *_, result = await streamed(StaticStreamWorkbench([Telling("three")]), "telling", by=1)

        assert result.is_error and "Expected return value of type Count, but got str" in result.to_text()

    async def test_an_unknown_tool_is_a_result(self) -> None:
        (result,) = await streamed(StaticStreamWorkbench([]), "nope")

        assert result.is_error and result.to_text() == "Tool nope not found."
