"""Bad input is answered with one line that says what happened and what to do, never with a traceback."""

from __future__ import annotations

from typing import Any

import pytest

from tests.headless.kernels import Headless

pytestmark = pytest.mark.asyncio(loop_scope="module")

CELLS: dict[str, tuple[str, str, list[str]]] = {
    "unknown agent in a team": (
        "%%team create bad\nagents: [writr]",
        "UnknownNameError",
        ["unknown agent 'writr'", "did you mean 'writer'"],
    ),
    "agent that nothing is like": (
        "%team create bad zzz",
        "UnknownNameError",
        ["known: coder", "%%agent NAME"],
    ),
    "unknown team": ("%team run pairs hi", "UnknownNameError", ["unknown team 'pairs'", "did you mean 'pair'"]),
    "unknown flag": ("%%team run pair --aprove always\nhi", "UnknownNameError", ["did you mean '--approve'", "usage:"]),
    "unknown value of a flag": ("%team run pair --approve no hi", "UnknownNameError", ["'no'", "always, ask"]),
    "flag without its value": ("%team run writer --as", "ConfigurationError", ["--as needs a value"]),
    "YAML that is none": (
        "%%agent bad\n---\ndescription: fine\nmodel: [openai/x\n---\nText.",
        "FrontMatterError",
        ["line 4, column 8", "not YAML"],
    ),
    "YAML with a second colon": ("%%team create bad\n\nagents: a: b", "FrontMatterError", ["line 3, column 10"]),
    "YAML with an unknown key": (
        "%%agent bad\n---\n# a comment\n  modle: openai/x\n---\nText.",
        "FrontMatterError",
        ["line 4, column 3", "did you mean 'model'"],
    ),
    "YAML with a wrong value": (
        "%%team create bad\nagents: [writer]\nmax_turns: many",
        "FrontMatterError",
        ["line 3, column 12", "at least 1", "'many'"],
    ),
    "front matter that is never closed": (
        "%%agent bad\n---\nmodel: openai/x\nText.",
        "FrontMatterError",
        ["line 2", "---"],
    ),
    "team of no agents": ("%%team create bad\nstop: DONE", "ConfigurationError", ["has no agents"]),
    "agent twice in a team": ("%team create bad writer writer", "ConfigurationError", ["twice"]),
    "no model": ("%team run modelless hi", "NoModelError", ["--model", "%config NBAgents.model", "nbagents model get"]),
    "bad model name": ("%%agent bad --model gpt-5\nx", "ConfigurationError", ["'gpt-5'", "openai/gpt-5-mini"]),
    "unknown provider": ("%%agent bad --model opnai/x\nx", "UnknownNameError", ["did you mean 'openai'"]),
    "missing task": ("%%team run pair", "ConfigurationError", ["task is missing", "below the first line"]),
    "task of spaces": ("%%team run pair\n   \n\n", "ConfigurationError", ["task is missing"]),
    "team is missing": ("%team run", "ConfigurationError", ["TEAM is missing"]),
    "name of a variable that exists": ("%team run writer --as table hi", "ConfigurationError", ["table", "type list"]),
    "name that is Python's": ("%team run writer --as print hi", "ConfigurationError", ["Python's own"]),
    "name that is a keyword": ("%team run writer --as class hi", "ConfigurationError", ["no keyword"]),
    "name that is none": ("%team run writer --as two-words hi", "ConfigurationError", ["letters, digits and _"]),
    "variable that is not there": (
        "%team run writer --use tabel hi",
        "UnknownNameError",
        ["unknown variable 'tabel'", "did you mean 'table'"],
    ),
    "agent named you": ("%%agent you --model openai/x\nx", "ConfigurationError", ["the person at the notebook"]),
    "agent without a name": ("%%agent\nx", "ConfigurationError", ["NAME is missing"]),
    "agent as a line": ("%agent bad", "ConfigurationError", ["cell magic"]),
    "no verb": ("%team", "ConfigurationError", ["say what to do", "create, run"]),
    "unknown verb": ("%team rnu pair", "UnknownNameError", ["did you mean 'run'"]),
    "unknown verb of a cell": ("%%team start pair\nhi", "UnknownNameError", ["'start'"]),
    "stop with a body": ("%%team stop\nnow", "ConfigurationError", ["takes no cell below it", "%team stop"]),
    "unknown run": ("%team show nothing", "UnknownNameError", ["unknown run 'nothing'"]),
    "unknown agent to show": ("%agents writr", "UnknownNameError", ["did you mean 'writer'"]),
    "reply without a text": ("%team reply churn", "ConfigurationError", ["text is missing"]),
}


@pytest.mark.parametrize("case", CELLS)
async def test_one_line_says_what_to_do(headless: Headless, llmock: Any, case: str) -> None:
    await headless.runs("table = [1, 2, 3]", "%%agent modelless\nx")
    source, name, parts = CELLS[case]
    cell = await headless.run(source)
    said = cell.one_line_error(name)
    for part in parts:
        assert part in said
    assert not cell.displays
    assert llmock.requests == []
    assert await headless.value("table") == [1, 2, 3]


async def run_fails(headless: Headless, team: str = "writer") -> str:
    cell = await headless.run(f"%%team run {team} --as failed\nhi")
    assert cell.seconds < 10
    said = cell.one_line_error("RunFailed")
    assert await headless.value("failed.status") == "failed"
    assert said.startswith("run 'failed'") and "failed in turn 1: " in said
    return said


async def test_a_server_that_is_down(headless: Headless, llmock: Any) -> None:
    await headless.runs("%%agent far --model openai/x --base-url http://127.0.0.1:9/v1\nx")
    said = await run_fails(headless, "far")
    assert "openai/x: cannot reach http://127.0.0.1:9/v1" in said and "is the server running" in said


@pytest.mark.parametrize(
    ("status", "parts"),
    [
        (401, ["openai/scripted: the key was refused", "check the key"]),
        (404, ["openai/scripted", "knows no such model", "it says so", "check the name"]),
        (400, ["openai/scripted", "answered with an error: it says so on two lines"]),
    ],
)
async def test_a_server_that_refuses(headless: Headless, llmock: Any, status: int, parts: list[str]) -> None:
    llmock.fail(status, message="it says so\non  two lines", times=None)
    said = await run_fails(headless)
    for part in parts:
        assert part in said
    assert llmock.base_url("openai") in said, "the server that was really asked is named"


async def test_an_answer_that_breaks_off(headless: Headless, llmock: Any) -> None:
    llmock.reply("one two three four five").truncate(after_chunks=2)
    assert "broke off its answer" in await run_fails(headless)


async def test_a_local_model_that_is_not_here(headless: Headless, llmock: Any) -> None:
    await headless.runs("%%agent near --model local/qwen2.5-coder-1.5b\nx")
    assert "run `nbagents model get qwen2.5-coder-1.5b`" in await run_fails(headless, "near")


async def test_a_local_model_that_does_not_exist(headless: Headless, llmock: Any) -> None:
    await headless.runs("%%agent near --model local/qwen9\nx")
    assert "unknown local model 'qwen9'" in await run_fails(headless, "near")
