"""A run that its budget pauses, as a person goes on with it in JupyterLab."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.notebook_page import NotebookPage
from tests.browser.scripted_story import (
    ANSWER,
    CODE,
    RUN,
    RUN_CELL,
    WIDGET_MIME,
    button,
    environment,
    expect_waiting,
    prepare,
)
from tests.browser.test_story import pictures

PAUSED = RUN.replace("--as", "--approve always --budget 1turn --as")
LINE = "%team resume result --budget +1turn"
RESUME_CELL = RUN_CELL + 1


@pytest.fixture
def lab_env(llmock_server: Any) -> dict[str, str]:
    return environment(llmock_server)


def test_a_paused_run_goes_on_in_the_cell_that_resumes_it(notebook: NotebookPage, llmock: Any) -> None:
    llmock.reply(CODE).reply("North sold most.")
    prepare(notebook, PAUSED.replace("--approve always ", ""), LINE, "result.status, result.answer")
    notebook.run_cell(RUN_CELL, wait=False)
    button(expect_waiting(notebook), "Run").click()
    notebook.wait_idle()
    first, said = notebook.cell(RUN_CELL), "budget 1 turn reached after turn 1 (nothing lost)"
    expect(first).to_contain_text(f"paused: {said}")
    expect(first.locator("code", has_text=LINE)).to_have_count(1)
    expect(first).to_contain_text(
        f"BudgetReached: budget 1 turn reached after turn 1 (nothing lost) · go on with {LINE}"
    )
    pictures(notebook, "resume-paused")

    llmock.reply("I am not sure. Compute it again.").slow_first_token(1.5).reply(CODE).reply(ANSWER).reply("APPROVED")
    notebook.page.evaluate(
        "([index, text]) => nbtest.panel().content.widgets[index].model.sharedModel.setSource(text)",
        [RESUME_CELL, LINE.replace("+1turn", "+3turns")],
    )
    notebook.run_cell(RESUME_CELL, wait=False)
    second = expect_waiting(notebook, RESUME_CELL)
    expect(second).to_contain_text("resumed by you with a budget of 4 turns")
    expect(second).to_contain_text("I compute the total first.")
    expect(second).to_contain_text(re.compile("turn 3 of 4"))
    expect(first).to_contain_text("resumed since then, see %team show result")
    pictures(notebook, "resume-waiting", RESUME_CELL)
    button(second, "Run").click()
    notebook.wait_idle()
    expect(second).to_contain_text("sold most: 300 in all")
    pictures(notebook, "resume-done", RESUME_CELL)
    notebook.run_cell(RESUME_CELL + 1)
    assert notebook.cell_output_text(RESUME_CELL + 1) == f"('done', '{ANSWER}')"

    saved = notebook.save()
    assert WIDGET_MIME not in json.dumps(saved)
    notebook.server.close_sessions()
    notebook.reload()
    expect(notebook.cell(RUN_CELL)).to_contain_text("resumed since then")
    expect(notebook.cell(RESUME_CELL)).to_contain_text("sold most: 300 in all")
    assert notebook.errors == []


def test_prices_are_shown_as_prices(notebook: NotebookPage, llmock: Any) -> None:
    """Two dollars in one line are the ends of a formula to the notebook's typesetter."""
    llmock.reply("It is $5, not $10; and $x^2$.").reply("I agree: $6.")
    run = PAUSED.replace("1turn", "0.50,2turns").replace("{braces}", "$5 or $10? {braces}")
    prepare(notebook, run)
    notebook.run_cell(RUN_CELL)
    cell = notebook.cell(RUN_CELL)
    for summary in cell.locator("details > details > summary").all():
        summary.click()
    expect(cell.get_by_text("It is $5, not $10; and").last).to_be_visible()
    expect(cell.locator("mjx-container")).to_have_count(2)  # the two formulas: in the task, and in the answer
    pictures(notebook, "resume-prices")


def test_stop_ends_a_run_that_was_resumed_and_it_can_be_resumed_again(notebook: NotebookPage, llmock: Any) -> None:
    llmock.reply(CODE).reply("North sold most.")
    prepare(notebook, PAUSED, "%team resume result --budget +3turns", "%team resume result")
    notebook.run_cell(RUN_CELL)
    llmock.reply("Too late.").slow_first_token(30)
    notebook.run_cell(RESUME_CELL, wait=False)
    button(notebook.cell(RESUME_CELL), "Stop").click()
    notebook.wait_idle()
    expect(notebook.cell(RESUME_CELL)).to_contain_text("was stopped by you in turn 2")
    expect(notebook.cell(RESUME_CELL).locator("code", has_text="%team resume result")).to_have_count(1)
    llmock.reset().reply("APPROVED")
    notebook.run_cell(RESUME_CELL + 1)
    expect(notebook.cell(RESUME_CELL + 1)).to_contain_text("North sold most.")
    assert notebook.errors == []
