"""A run cell in a notebook that nobody watches: it ends as its run ends, and leaves one static block and a value."""

from __future__ import annotations

from typing import Any

import pytest

from tests.headless.kernels import WIDGET_MIME, Headless

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.in_all_kernels]

BLOCK = "I compute.\n\n```python\nanswer = 6 * 7\nprint('six times seven:', answer)\n```\n"
STATIC = {"text/html", "text/markdown", "text/plain"}


def script(llmock: Any) -> None:
    llmock.reply(BLOCK).reply("It is 42.").reply("DONE")


async def test_the_run_cell_leaves_one_static_block(headless: Headless, llmock: Any) -> None:
    script(llmock)
    cell = await headless.runs("%%team run pair --as first --approve always\nWhat is 6 * 7?")
    [output] = cell.outputs
    assert output["output_type"] == "display_data"
    assert set(output["data"]) == STATIC
    for text in output["data"].values():
        assert "It is 42." in text and "six times seven: 42" in text
        assert "in progress" not in text
    saved = await headless.saved()
    assert WIDGET_MIME not in saved
    assert "application/vnd.jupyter.widget-state+json" not in saved


async def test_the_run_is_a_value(headless: Headless, llmock: Any) -> None:
    script(llmock)
    await headless.runs("%%team run pair --as second --approve always\nWhat is 6 * 7?")
    assert await headless.value("second.status") == "done"
    assert await headless.value("second.answer") == "It is 42."
    assert await headless.value("second.stop_reason") == "Text 'DONE' mentioned"
    assert await headless.value("[type(message).__name__ for message in second.messages]") == [
        "TextMessage",
        "CodeGenerationEvent",
        "CodeExecutionEvent",
        "TextMessage",
        "TextMessage",
    ]
    assert await headless.value("second.usage.calls") == 3
    assert await headless.value("second.usage.tokens") > 0
    assert await headless.value("str(second.journal.path)") == ".nbagents/notebook/second.jsonl"
    assert "<Run 'second': done, 2 turns" in (await headless.run("second")).value
    assert (await headless.runs("(await second) is second")).value == "True"
    assert await headless.value("answer") == 42


async def test_a_run_can_be_assigned(headless: Headless, llmock: Any) -> None:
    script(llmock)
    cell = await headless.runs("x = %team run pair --as third --approve always What is 6 * 7?\nprint(x.answer)")
    assert cell.text.endswith("It is 42.\n")
    assert (await headless.runs("x is third")).value == "True"


@pytest.mark.parametrize(
    "line", ["%team run writer Why?", "if True:\n    %team run writer Why?", "x = %team run writer Why?"]
)
async def test_a_task_on_the_line_may_be_a_question(headless: Headless, llmock: Any, line: str) -> None:
    llmock.reply("Because.")
    [bundle] = (await headless.runs(line)).displays
    assert "Because." in bundle["text/plain"]
    assert llmock.last_request.body["messages"][-1]["content"] == "Why?"


async def test_a_task_may_stand_on_the_first_line_of_a_cell_alone(headless: Headless, llmock: Any) -> None:
    llmock.reply("Because.")
    await headless.runs("%%team run writer Why did it rise?")
    assert llmock.last_request.body["messages"][-1]["content"] == "Why did it rise?"


async def test_show_shows_the_same_block_again(headless: Headless, llmock: Any) -> None:
    script(llmock)
    [shown] = (await headless.runs("%%team run pair --as fourth --approve always\nWhat is 6 * 7?")).displays
    [again] = (await headless.runs("%team show fourth")).outputs
    assert again["data"] == shown


async def test_the_next_cell_runs_after_the_run_has_ended(headless: Headless, llmock: Any) -> None:
    llmock.delay(0.5).reply("Slowly done.")
    cell = await headless.runs("%%team run writer --as slow\nTake your time.", "print(slow.status, slow.answer)")
    assert cell.text == "done Slowly done.\n"


async def test_detach_waits_where_nobody_could_come_back(headless: Headless, llmock: Any) -> None:
    llmock.delay(0.5).reply("Slowly done.")
    cell = await headless.runs("%%team run writer --as detached --detach\nTake your time.")
    assert "Slowly done." in cell.displays[0]["text/plain"]
    assert await headless.value("detached.status") == "done"


async def test_a_block_that_raises_is_part_of_the_conversation(headless: Headless, llmock: Any) -> None:
    llmock.reply("```python\nprint('before')\n1 / 0\n```").reply("```python\nprint('mended')\n```")
    llmock.reply("It works now.").reply("DONE")
    cell = await headless.runs("%%team run pair --as mended --approve always\nTry it.")
    assert "ZeroDivisionError" in cell.displays[0]["text/plain"]
    assert await headless.value("mended.answer") == "It works now."
    told = llmock.requests[1].body["messages"][-1]["content"]
    assert "exit code 1" in told and "before" in told and "line 2: 1 / 0" in told and "ZeroDivisionError" in told
    assert "site-packages" not in told


async def test_a_budget_pauses_the_run_and_fails_the_cell(headless: Headless, llmock: Any) -> None:
    llmock.reply("It may be 42.")
    cell = await headless.run("%%team run pair --as bounded --code none --budget 1turn\nWhat is 6 * 7?")
    assert [error["ename"] for error in cell.errors] == ["BudgetReached"]
    said = "budget 1 turn reached after turn 1 (nothing lost)"
    assert said in cell.errors[0]["evalue"]
    [bundle] = cell.displays
    assert f"paused: {said}" in bundle["text/plain"]
    assert "It may be 42." in bundle["text/plain"]
    assert await headless.value("bounded.status") == "paused"
    assert await headless.value("bounded.journal.entries[0]['settings']['budget']") == {"usd": 1.0, "turns": 1}


async def test_a_price_that_is_not_known_is_said(headless: Headless, llmock: Any) -> None:
    llmock.reply("Because.")
    [bundle] = (await headless.runs("%team run writer --budget 0.50usd Why?")).displays
    assert "price of openai/scripted unknown, not counted in the budget of $0.50" in bundle["text/plain"]
