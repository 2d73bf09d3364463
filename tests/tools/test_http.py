"""`HttpTool` against a real service on this machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from nbagents.cancellation import CancellationToken
from nbagents.errors import ToolError
from nbagents.tools import HttpTool
from tests.tools.mcp_servers import served

SCHEMA = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "note": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["id"],
}


async def echo(request: Request) -> Response:
    body = await request.body()
    said = {
        "method": request.method,
        "path": request.scope["raw_path"].decode(),
        "query": dict(request.query_params),
        "body": json.loads(body) if body else None,
        "key": request.headers.get("x-key"),
    }
    return JSONResponse(said)


async def fail(request: Request) -> Response:
    return Response("out of tea", status_code=503)


async def away(request: Request) -> Response:
    return RedirectResponse("http://127.0.0.1:9/")


async def hang(request: Request) -> Response:
    request.app.state.asked.set()
    await asyncio.sleep(30)
    return Response("late")


@pytest.fixture
async def port() -> AsyncIterator[int]:
    methods = ["GET", "POST", "PUT", "DELETE", "PATCH"]
    paths = {"/fail": fail, "/away": away, "/hang": hang, "/{rest:path}": echo}
    app = Starlette(routes=[Route(path, to, methods=methods) for path, to in paths.items()])
    ASKED.clear()
    app.state.asked = ASKED
    async with served(app) as address:
        yield int(address.rpartition(":")[2])


ASKED = asyncio.Event()


def tool(port: int, **options: Any) -> HttpTool:
    return HttpTool("service", "127.0.0.1", port, SCHEMA, **{"return_type": "json", **options})


async def call(made: HttpTool, **arguments: Any) -> Any:
    return await made.run_json(arguments, CancellationToken())


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_arguments_go_into_a_json_body(port: int, method: str) -> None:
    said = await call(tool(port, method=method, path="/items"), id="a", n=3)

    assert (said["method"], said["path"], said["body"]) == (method, "/items", {"id": "a", "n": 3})


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_arguments_of_get_and_delete_go_into_the_query(port: int, method: str) -> None:
    said = await call(tool(port, method=method, path="/items"), id="a b", n=3)

    assert (said["method"], said["query"], said["body"]) == (method, {"id": "a b", "n": "3"}, None)


async def test_a_default_is_sent_and_what_was_left_out_is_not(port: int) -> None:
    fields = {"city": {"type": "string"}, "units": {"type": "string", "default": "metric"}, "day": {"type": "string"}}
    weather = HttpTool("weather", "127.0.0.1", port, {"type": "object", "properties": fields}, return_type="json")

    assert (await call(weather, city="Rome"))["body"] == {"city": "Rome", "units": "metric"}
    assert (await call(weather, city="Rome", units="k", day="now"))["body"] == {
        "city": "Rome", "units": "k", "day": "now",
    }  # fmt: skip


async def test_arguments_that_the_path_names_go_into_it_and_nowhere_else(port: int) -> None:
    said = await call(tool(port, path="/items/{id}/notes"), id="a", note="x")

    assert said["path"] == "/items/a/notes" and said["body"] == {"note": "x"}


async def test_what_a_model_writes_cannot_lead_to_another_path(port: int) -> None:
    made = tool(port, path="/items/{id}")

    assert (await call(made, id="../admin?x=1#y"))["path"] == "/items/..%2Fadmin%3Fx%3D1%23y"
    with pytest.raises(ToolError, match="no part of a path"):
        await call(made, id="..")


async def test_headers_are_sent_and_text_is_returned_as_it_is(port: int) -> None:
    answer = await call(tool(port, headers={"x-key": "k"}, return_type="text"), id="a")

    assert isinstance(answer, str) and json.loads(answer)["key"] == "k"


async def test_a_status_that_is_no_success_is_an_error(port: int) -> None:
    with pytest.raises(ToolError, match="answered 503: out of tea"):
        await call(tool(port, path="/fail"), id="a")


async def test_a_redirect_is_not_followed(port: int) -> None:
    with pytest.raises(ToolError, match="answered 307"):
        await call(tool(port, path="/away"), id="a")


async def test_a_service_that_does_not_answer_in_time_is_an_error(port: int) -> None:
    with pytest.raises(ToolError, match=r"within 0\.2 s"):
        await call(tool(port, path="/hang", timeout=0.2), id="a")


async def test_a_service_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ToolError, match="did not work"):
        await call(tool(9), id="a")


async def test_cancelling_the_token_ends_the_call(port: int) -> None:
    token = CancellationToken()
    calling = asyncio.ensure_future(tool(port, path="/hang", timeout=20).run_json({"id": "a"}, token))
    await ASKED.wait()

    token.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(calling, 1)


def test_the_path_may_name_only_required_arguments() -> None:
    with pytest.raises(ValueError, match="'note': the schema must have it, as required"):
        tool(80, path="/{note}")


def test_schema_and_config_are_what_was_given() -> None:
    made = tool(80, description="a service")

    assert made.schema["parameters"]["properties"] == SCHEMA["properties"]
    again = HttpTool._from_config(type(made._to_config()).model_validate(made._to_config().model_dump()))
    assert again.schema == made.schema and again._to_config() == made._to_config()
