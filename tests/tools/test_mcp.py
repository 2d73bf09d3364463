"""MCP servers as workbenches: a published one over all three transports, and what goes wrong with any."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest
from mcp.types import Tool
from mcp_server_time.server import create_server

from nbagents.cancellation import CancellationToken
from nbagents.errors import ToolError
from nbagents.models import FunctionCall, ReplayChatCompletionClient
from nbagents.runtime import Answer, Gate
from nbagents.tools import ImageResultContent, TextResultContent, ToolOverride
from nbagents.tools.mcp import (
    McpServerParams,
    McpWorkbench,
    StdioServerParams,
    StreamableHttpMcpToolAdapter,
    StreamableHttpServerParams,
    create_mcp_server_session,
    mcp_server_tools,
)
from nbagents.tools.mcp.contents import schema_of
from tests.scripted import ScriptedPerson
from tests.tools.mcp_servers import DYING_OVER_STDIO, TIME_OVER_STDIO, Watched, over_http, over_sse

NOON = {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}


async def use(params: McpServerParams) -> None:
    """What a server of someone else's must be good for, whatever the way to it."""
    async with McpWorkbench(params) as bench:
        names = [schema["name"] for schema in await bench.list_tools()]
        result = await bench.call_tool("convert_time", NOON)

        assert names == ["get_current_time", "convert_time"]
        assert not result.is_error and json.loads(result.to_text())["time_difference"] == "+9.0h"


async def test_a_published_server_over_stdio() -> None:
    await use(TIME_OVER_STDIO)

    assert len(asyncio.all_tasks()) == 1


async def test_a_published_server_over_streamable_http() -> None:
    async with over_http(create_server("UTC")) as params:
        await use(params)


async def test_a_published_server_over_server_sent_events() -> None:
    async with over_sse(create_server("UTC")) as params:
        await use(params)


async def test_it_connects_with_the_first_use_and_again_after_stop() -> None:
    async with over_http(create_server("UTC")) as params:
        bench = McpWorkbench(params)

        assert await bench.list_tools()
        await bench.stop()
        assert await bench.list_tools()
        await bench.stop()


def test_it_may_be_used_by_one_asyncio_run_after_another() -> None:
    bench = McpWorkbench(TIME_OVER_STDIO)

    async def convert() -> list[bool]:
        results = await asyncio.gather(*(bench.call_tool("convert_time", NOON) for _ in range(3)))
        return [result.is_error for result in results]

    assert asyncio.run(convert()) == asyncio.run(convert()) == [False] * 3


async def test_a_servers_tool_passes_the_gate_and_waits_for_a_person_where_it_must() -> None:
    person = ScriptedPerson([Answer("run")])
    gate = Gate(asker=person)
    approval = {"convert_time"}
    async with over_http(create_server("UTC")) as params, McpWorkbench(params, requires_approval=approval) as bench:
        for name, arguments in (("convert_time", NOON), ("get_current_time", {"timezone": "UTC"})):
            call = FunctionCall(id="c", name=name, arguments=json.dumps(arguments))
            assert not (await gate.tool("ann", bench, call)).is_error

    assert [question.target for question in person.questions] == ["convert_time"]


class TestErrors:
    async def test_what_the_tool_refuses_is_an_error_result(self) -> None:
        async with over_http(create_server("UTC")) as params, McpWorkbench(params) as bench:
            result = await bench.call_tool("get_current_time", {"timezone": "Mars"})
            unknown = await bench.call_tool("nope")

        assert result.is_error and "Mars" in result.to_text()
        assert unknown.is_error and "nope" in unknown.to_text()

    async def test_a_server_that_does_not_start_says_why(self) -> None:
        bench = McpWorkbench(StdioServerParams(command=sys.executable, args=["-c", "raise SystemExit('no key given')"]))

        with pytest.raises(ToolError, match="no key given"):
            await bench.start()
        assert len(asyncio.all_tasks()) == 1

    async def test_a_server_that_is_not_there_is_an_error_result_of_a_call(self) -> None:
        bench = McpWorkbench(StreamableHttpServerParams(url="http://user:pw@127.0.0.1:9/mcp?key=s3cret"))

        result = await bench.call_tool("x")

        assert result.is_error and "cannot be reached" in result.to_text()
        assert "s3cret" not in result.to_text() and "pw" not in result.to_text()

    async def test_a_server_that_went_away_is_started_again_by_the_next_call(self) -> None:
        async with McpWorkbench(DYING_OVER_STDIO) as bench:
            died = await bench.call_tool("die")
            alive = await bench.call_tool("live")

        assert died.is_error and "went away" in died.to_text()
        assert alive.to_text() == "alive"

    async def test_a_start_that_is_cancelled_leaves_nothing_behind(self) -> None:
        bench = McpWorkbench(StdioServerParams(command=sys.executable, args=["-c", "import time; time.sleep(60)"]))

        began = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(bench.start(), 0.3)
        assert asyncio.get_running_loop().time() - began < 1.3

        await bench.stop()
        assert len(asyncio.all_tasks()) == 1


class TestStopping:
    async def test_cancelling_the_token_cancels_the_call_on_the_server(self) -> None:
        watched, token = Watched(), CancellationToken()
        async with over_http(watched.server) as params, McpWorkbench(params) as bench:
            calling = asyncio.ensure_future(bench.call_tool("wait", {}, token))
            await asyncio.wait_for(watched.started.wait(), 10)

            token.cancel()

            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(calling, 1)
            await asyncio.wait_for(watched.cancelled.wait(), 1)
            assert not (await bench.call_tool("picture")).is_error, "the session goes on"

    async def test_cancelling_the_awaiting_task_cancels_the_call_on_the_server(self) -> None:
        watched = Watched()
        async with over_http(watched.server) as params, McpWorkbench(params) as bench:
            calling = asyncio.ensure_future(bench.call_tool("wait"))
            await asyncio.wait_for(watched.started.wait(), 10)

            calling.cancel()

            await asyncio.wait_for(watched.cancelled.wait(), 1)
            await asyncio.wait([calling], timeout=1)
            assert calling.cancelled()

    async def test_one_cancelled_call_leaves_the_others_alone(self) -> None:
        watched, token = Watched(), CancellationToken()
        async with over_http(watched.server) as params, McpWorkbench(params) as bench:
            calling = asyncio.ensure_future(bench.call_tool("wait", {}, token))
            await asyncio.wait_for(watched.started.wait(), 10)

            others = asyncio.gather(*(bench.call_tool("picture") for _ in range(5)))
            token.cancel()

            assert not any(result.is_error for result in await others)
            await asyncio.wait([calling])


class TestOverrides:
    async def test_a_tool_is_offered_and_called_under_its_other_name(self) -> None:
        override = {"convert_time": ToolOverride(name="zone", description="between zones")}
        async with over_http(create_server("UTC")) as params, McpWorkbench(params, override) as bench:
            schemas = {schema["name"]: schema.get("description") for schema in await bench.list_tools()}
            result = await bench.call_tool("zone", NOON)

        assert schemas["zone"] == "between zones" and "convert_time" not in schemas
        assert result.name == "zone" and not result.is_error

    async def test_a_name_that_another_tool_has_is_refused(self) -> None:
        override = {"convert_time": ToolOverride(name="get_current_time")}
        async with over_http(create_server("UTC")) as params, McpWorkbench(params, override) as bench:
            with pytest.raises(ToolError, match="has a tool of that name"):
                await bench.list_tools()

    def test_two_of_the_same_name_are_refused(self) -> None:
        with pytest.raises(ValueError, match="must be unique"):
            McpWorkbench(TIME_OVER_STDIO, {"a": ToolOverride(name="x"), "b": ToolOverride(name="x")})


def test_a_servers_schema_has_its_types_in_place() -> None:
    place = {"type": "object", "properties": {"x": {"type": "integer"}}}
    given = {"type": "object", "properties": {"at": {"$ref": "#/$defs/Place"}}, "$defs": {"Place": place}}
    parameters = schema_of(Tool(name="go", input_schema=given))["parameters"]

    assert parameters["properties"]["at"] == place and "$defs" not in parameters


async def test_a_picture_stays_a_picture_and_never_becomes_text() -> None:
    watched = Watched()
    async with over_http(watched.server) as params, McpWorkbench(params) as bench:
        result = await bench.call_tool("picture")

    word, picture = result.result
    assert isinstance(word, TextResultContent) and isinstance(picture, ImageResultContent)
    assert result.to_text() == "look\n[image]"


async def test_a_server_that_asks_for_a_model_is_answered_through_the_gate() -> None:
    watched, gate = Watched(), Gate()
    model = ReplayChatCompletionClient(["blue"])
    async with over_http(watched.server) as params, McpWorkbench(params, model_client=model) as bench:
        result = await gate.tool("ann", bench, FunctionCall(id="c", name="ask", arguments="{}"))

    effects = [(entry["kind"], entry["agent"]) for entry in gate.journal.entries if entry["type"] == "effect"]
    assert result.to_text() == "the model said blue"
    assert effects == [("tool", "ann"), ("model", "ann")]


class TestAdapters:
    async def test_each_tool_of_a_server_is_a_tool(self) -> None:
        async with over_http(create_server("UTC")) as params:
            _, convert = await mcp_server_tools(params)
            value = await convert.run_json(NOON, CancellationToken())

        assert (convert.name, convert.schema["name"]) == ("convert_time", "convert_time")
        assert json.loads(convert.return_value_as_string(value))["time_difference"] == "+9.0h"

    async def test_one_of_them_is_found_by_its_name(self) -> None:
        async with over_http(create_server("UTC")) as params:
            convert = await StreamableHttpMcpToolAdapter.from_server_params(params, "convert_time")

            assert convert.name == "convert_time"
            with pytest.raises(ValueError, match="Tool 'nothing' not found, available tools: get_current_time, conv"):
                await StreamableHttpMcpToolAdapter.from_server_params(params, "nothing")

    async def test_they_may_share_a_session(self) -> None:
        async with over_http(create_server("UTC")) as params, create_mcp_server_session(params) as session:
            await session.initialize()
            now, convert = await mcp_server_tools(params, session)

            assert await now.run_json({"timezone": "UTC"}, CancellationToken())
            with pytest.raises(ToolError, match="Mars"):
                await now.run_json({"timezone": "Mars"}, CancellationToken())
            assert await convert.run(convert.args_type()(**NOON), CancellationToken())


def test_params_read_autogens_json() -> None:
    params = StdioServerParams.model_validate({"command": "uvx", "args": ["x"], "type": "StdioServerParams"})

    assert params.read_timeout_seconds == 5 and params.model_dump()["encoding"] == "utf-8"
