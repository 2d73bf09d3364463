"""A model's tool calls at the gate: asked for with all options, recorded, and without secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from nbagents.cancellation import CancellationToken
from nbagents.models import (
    CreateResult,
    FunctionCall,
    LLMMessage,
    ReplayChatCompletionClient,
    RequestUsage,
    UserMessage,
)
from nbagents.runtime.gate import Gate
from nbagents.runtime.journal import FORMAT, Journal, read
from nbagents.runtime.redaction import Redactor
from nbagents.tools import FunctionTool

HELLO: list[LLMMessage] = [UserMessage(content="hi", source="u")]
TOOL = {"name": "send", "description": "Sends.", "parameters": {"type": "object", "properties": {}}}


class Shape(BaseModel):
    x: int


def calls(arguments: str = "{}") -> CreateResult:
    content = [FunctionCall("c1", arguments, "send"), FunctionCall("c2", "{}", "send")]
    return CreateResult(finish_reason="function_calls", content=content, usage=RequestUsage(3, 4), thought="hm")


async def answer(gate: Gate, client: ReplayChatCompletionClient, **options: Any) -> CreateResult:
    *_, result = [part async for part in gate.model("a", client, HELLO, **options)]
    assert isinstance(result, CreateResult)
    return result


async def test_calls_are_recorded_as_the_model_wrote_them() -> None:
    gate = Gate()
    result = await answer(gate, ReplayChatCompletionClient([calls()]), tools=[TOOL])
    assert result.content == calls().content
    effect, recorded = gate.journal.entries
    assert effect["request"]["tools"] == ["send"]
    assert recorded["value"]["content"] == [
        {"id": "c1", "arguments": "{}", "name": "send"},
        {"id": "c2", "arguments": "{}", "name": "send"},
    ]
    assert CreateResult.model_validate({**recorded["value"], "usage": recorded["usage"]}) == result


@pytest.mark.parametrize(
    ("written", "meant"),
    [("1234567890123456789", 1234567890123456789), ("NaN", "nan"), ("-1e999", "-inf"), (r'"\ud800"', "\ud800")],
)
async def test_arguments_that_canonical_json_does_not_know_end_no_run(written: str, meant: Any, tmp_path: Path) -> None:
    def told(what: Any) -> str:
        return str(what)

    gate = Gate(Journal(tmp_path / "run.jsonl"))
    gate.write("run", format=FORMAT)
    call = FunctionCall("1", f'{{"what": {written}}}', "told")
    result = await gate.tool("a", FunctionTool(told, "tells"), call)
    assert not result.is_error and result.to_text() == str(meant)
    again = await gate.tool("a", FunctionTool(told, "tells"), call)
    assert again == result
    gate.journal.close()
    _, effect, _, second, _ = read(tmp_path / "run.jsonl")
    assert effect["key"] == second["key"]


async def test_secrets_are_taken_out_of_calls() -> None:
    gate = Gate(redactor=Redactor({"MY_KEY": "planted-1234567"}))
    result = await answer(gate, ReplayChatCompletionClient([calls('{"to": "planted-1234567"}')]), tools=[TOOL])
    assert isinstance(result.content, list)
    assert result.content[0].arguments == '{"to": "[redacted MY_KEY]"}'
    assert "planted-1234567" not in str(gate.journal.entries)


async def test_a_client_is_asked_with_all_options() -> None:
    client, token = ReplayChatCompletionClient([calls()]), CancellationToken()
    options: dict[str, Any] = {
        "tools": [TOOL],
        "tool_choice": "required",
        "json_output": Shape,
        "extra_create_args": {"seed": 1},
    }
    await answer(Gate(), client, **options, cancellation_token=token)
    assert client.create_calls == [{"messages": HELLO, **options, "cancellation_token": token}]


async def test_a_client_that_knows_no_tools_is_not_asked_about_them() -> None:
    class Plain(ReplayChatCompletionClient):
        async def create(self, messages: Any, *, cancellation_token: Any = None) -> CreateResult:  # type: ignore[override]
            return await super().create(messages)

    assert (await answer(Gate(), Plain(["ok"]))).content == "ok"


async def test_options_are_part_of_the_key() -> None:
    gate = Gate()
    client = ReplayChatCompletionClient(["x"] * 5)
    for options in ({}, {"tools": [TOOL]}, {"tools": [TOOL], "tool_choice": "none"}, {"json_output": Shape}, {}):
        await answer(gate, client, **options)  # type: ignore[arg-type]  # options of several types
    keys = [entry["key"] for entry in gate.journal.entries if entry["type"] == "effect"]
    assert len(set(keys)) == 4 and keys[0] == keys[-1]
