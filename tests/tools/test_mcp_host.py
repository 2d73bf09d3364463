"""What an MCP server may ask of us, with real servers: a person, directories; a model is in `test_mcp`."""

from __future__ import annotations

import asyncio
import io
import json
import os
import threading
from typing import Any

import pytest
from mcp.types import ElicitRequestFormParams, ElicitRequestURLParams, ElicitResult, ListRootsResult, Root
from pydantic import FileUrl

from nbagents.errors import HumanInputUnavailable
from nbagents.models import FunctionCall, ReplayChatCompletionClient
from nbagents.runtime import Answer, Gate
from nbagents.tools import ToolResult
from nbagents.tools.mcp import (
    ChatCompletionClientSampler,
    McpSessionHost,
    McpWorkbench,
    RunElicitor,
    StaticRootsProvider,
    StdioElicitor,
    StdioServerParams,
    StreamElicitor,
    create_mcp_server_session,
)
from nbagents.tools.mcp.contents import contents_of
from tests.scripted import ScriptedPerson
from tests.tools.mcp_servers import Curious, over_http

COLOUR = ElicitRequestFormParams(
    message="Which colour?", requested_schema={"type": "object", "properties": {"colour": {"type": "string"}}}
)
YES_OR_NO = ElicitRequestFormParams(message="Sign it?", requested_schema={"type": "object", "properties": {}})


async def painted(*replies: str) -> tuple[ToolResult, Gate]:
    gate = Gate(asker=ScriptedPerson([Answer("reply", text=reply) for reply in replies]))
    host = McpSessionHost(elicitor=RunElicitor())
    async with over_http(Curious().server) as params, McpWorkbench(params, host=host) as bench:
        return await gate.tool("ann", bench, FunctionCall(id="c", name="paint", arguments="{}")), gate


async def test_a_server_that_asks_for_a_person_is_answered_by_the_one_of_the_run() -> None:
    result, gate = await painted('{"colour": "blue", "shade": 3}')

    asked = [entry["request"] for entry in gate.journal.entries if entry.get("kind") == "person"]
    assert (result.to_text(), result.is_error) == ("accept: blue 3", False)
    assert "Which colour?" in asked[0]["prompt"] and "colour (string)" in asked[0]["prompt"]


@pytest.mark.parametrize(("reply", "action"), [("decline", "decline"), (" C ", "cancel")])
async def test_a_person_may_refuse(reply: str, action: str) -> None:
    assert (await painted(reply))[0].to_text() == action


async def test_an_answer_that_does_not_fit_is_asked_for_again_and_is_none_in_the_end() -> None:
    assert (await painted("blue", '{"shade": 1}', '{"colour": "red"}'))[0].to_text() == "accept: red 1"
    assert (await painted("x", "y", "z"))[0].to_text() == "cancel"


async def test_where_nobody_can_be_asked_the_server_is_told() -> None:
    with pytest.raises(HumanInputUnavailable):
        await RunElicitor().elicit(YES_OR_NO)
    host = McpSessionHost(elicitor=RunElicitor())
    async with over_http(Curious().server) as params, McpWorkbench(params, host=host) as bench:
        result = await bench.call_tool("paint")
    assert result.is_error


async def test_a_server_is_told_which_directories_it_may_use() -> None:
    host = McpSessionHost(roots=StaticRootsProvider([Root(uri=FileUrl("file:///data"), name="Data")]))
    async with over_http(Curious().server) as params, McpWorkbench(params, host=host) as bench:
        assert (await bench.call_tool("directories")).to_text() == "file:///data"


async def test_a_session_of_the_sdk_takes_callbacks() -> None:
    async def accept(context: Any, params: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"colour": params.message[:5]})

    async def roots(context: Any) -> ListRootsResult:
        return ListRootsResult(roots=[Root(uri=FileUrl("file:///here"))])

    async with (
        over_http(Curious().server) as params,
        create_mcp_server_session(params, elicitation_callback=accept, list_roots_callback=roots) as session,
    ):
        said = [await session.call_tool(tool, {}) for tool in ("paint", "directories")]

    assert [contents_of(answer)[0].content for answer in said] == ["accept: Which 1", "file:///here"]


async def test_without_a_host_a_server_is_told_that_there_is_nobody() -> None:
    async with over_http(Curious().server) as params, McpWorkbench(params) as bench:
        assert [(await bench.call_tool(tool)).is_error for tool in ("paint", "directories")] == [True, True]
        assert bench.initialize_result and bench.initialize_result.server_info.name == "curious"
    assert bench.initialize_result is None


@pytest.mark.parametrize(
    ("params", "typed", "action", "content"),
    [
        (COLOUR, 'a\n{"colour": "blue"}\n', "accept", {"colour": "blue"}),
        (COLOUR, "accept\nblue\n", "accept", {"colour": "blue"}),
        (COLOUR, "d\n", "decline", None),
        (YES_OR_NO, "Accept\n", "accept", None),
        (
            ElicitRequestURLParams(message="Log in", url="http://x.example/login", elicitation_id="1"),
            "c\n",
            "cancel",
            None,
        ),
    ],
)
async def test_a_stream_elicitor_reads_a_choice_and_what_was_asked_for(
    params: ElicitRequestFormParams | ElicitRequestURLParams,
    typed: str,
    action: str,
    content: dict[str, str] | None,
) -> None:
    shown = io.StringIO()
    result = await StreamElicitor(io.StringIO(typed), shown).elicit(params)
    assert (result.action, result.content) == (action, content)
    assert params.message in shown.getvalue() and getattr(params, "url", "") in shown.getvalue()


async def test_what_is_no_choice_or_does_not_fit_is_an_error_and_so_is_silence() -> None:
    for typed in ("maybe\n", "a\n[1]\n"):
        with pytest.raises(ValueError, match="validation error"):
            await StreamElicitor(io.StringIO(typed), io.StringIO()).elicit(COLOUR)
    reading, writing = os.pipe()
    with os.fdopen(reading) as silent, os.fdopen(writing, "w"):
        with pytest.raises(TimeoutError):
            await StreamElicitor(silent, io.StringIO(), timeout=0.01).elicit(COLOUR)
        os.write(writing, b"\n")  # so that the thread that reads ends before its pipe does
        await asyncio.to_thread(joined, "elicitation")
    closed = io.StringIO()
    closed.close()
    with pytest.raises(ValueError, match="closed file"):
        await StreamElicitor(closed, io.StringIO()).elicit(COLOUR)


def joined(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join()


async def test_what_a_host_lacks_is_an_error_for_the_server() -> None:
    from mcp.types import CreateMessageRequestParams, ErrorData

    host = McpSessionHost()
    asked = CreateMessageRequestParams(messages=[], max_tokens=1)
    for answer in (
        await host.handle_elicit_request(COLOUR),
        await host.handle_list_roots_request(),
        await host.handle_sampling_request(asked),
    ):
        assert isinstance(answer, ErrorData)
    exhausted = McpSessionHost(sampler=ChatCompletionClientSampler(ReplayChatCompletionClient([])))
    failed = await exhausted.handle_sampling_request(asked)
    assert isinstance(failed, ErrorData) and "No more mock responses available" in failed.message


def test_a_host_is_a_component() -> None:
    host = McpSessionHost(
        sampler=ChatCompletionClientSampler(ReplayChatCompletionClient(["a"])),
        roots=StaticRootsProvider([Root(uri=FileUrl("file:///data"), name="Data")]),
        elicitor=StdioElicitor(timeout=3),
    )
    bench = McpWorkbench(StdioServerParams(command="x"), host=host)
    said = json.loads(bench.dump_component().model_dump_json())
    loaded = McpWorkbench.load_component(said)
    assert json.loads(loaded.dump_component().model_dump_json()) == said
    assert said["config"]["host"]["config"]["roots"]["config"]["roots"] == [{"uri": "file:///data", "name": "Data"}]


def test_a_model_is_given_to_the_host_or_to_the_workbench() -> None:
    with pytest.raises(ValueError, match="give the model to the host"):
        McpWorkbench(
            StdioServerParams(command="x"), model_client=ReplayChatCompletionClient(["a"]), host=McpSessionHost()
        )
