"""A question that nobody can answer fails its cell at once, and says what to do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.headless.kernels import Headless

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOON = 5.0
BLOCK = "```python\nopen('ran', 'w')\n```"


@pytest.mark.parametrize("flags", ["", "--detach"])
async def test_code_that_needs_approval_fails_the_cell(headless: Headless, llmock: Any, flags: str) -> None:
    llmock.reply(BLOCK)
    cell = await headless.run(f"%%team run pair --as asked {flags}\nCompute it.")
    said = cell.one_line_error("HumanInputUnavailable")
    assert "approve block 1 of coder" in said
    assert "--approve always" in said and "JupyterLab" in said
    assert cell.seconds < SOON
    assert "open('ran', 'w')" in cell.displays[0]["text/plain"]
    assert not (headless.directory / "ran").exists()
    assert await headless.value("asked.status") == "failed"
    assert len(llmock.requests) == 1


@pytest.mark.parametrize("expression", ["asked.answer", "await asked"])
async def test_the_value_says_so_again(headless: Headless, llmock: Any, expression: str) -> None:
    llmock.reply(BLOCK)
    await headless.run("%%team run pair --as asked\nCompute it.")
    assert "approve block 1" in (await headless.run(expression)).one_line_error("HumanInputUnavailable")


async def test_a_person_in_the_team_fails_the_cell(headless: Headless, llmock: Any) -> None:
    await headless.runs("%team create with_you writer you")
    llmock.reply("What do you think?")
    cell = await headless.run("%%team run with_you --as chat\nTalk.")
    said = cell.one_line_error("HumanInputUnavailable")
    assert "you must reply" in said and "JupyterLab" in said
    assert cell.seconds < SOON
    assert "What do you think?" in cell.displays[0]["text/plain"]


async def test_a_block_cannot_ask_for_input(headless: Headless, llmock: Any) -> None:
    llmock.reply("```python\nname = input('who? ')\n```").reply("I cannot ask.").reply("DONE")
    cell = await headless.runs("%%team run pair --as asking --approve always\nAsk me.")
    assert cell.seconds < SOON
    assert "cannot ask for input" in llmock.requests[1].body["messages"][-1]["content"]
