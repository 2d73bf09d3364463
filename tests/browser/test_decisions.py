"""What a person can do to a run in the widget: edit, reject, reply, let it go on, detach, reload, stop."""

from __future__ import annotations

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
    seconds_until,
)

ENDLESS = "```python\nstarted = True\nwhile True:\n    pass\n```"


@pytest.fixture
def lab_env(llmock_server: Any) -> dict[str, str]:
    return environment(llmock_server)


def test_an_edited_block_runs_as_edited(notebook: NotebookPage, llmock: Any) -> None:
    llmock.reply(CODE).reply("South. APPROVED")
    prepare(notebook, RUN, "print(total)")
    notebook.run_cell(RUN_CELL, wait=False)
    cell = expect_waiting(notebook)
    button(cell, "Edit").click()
    cell.locator("textarea").fill("total = 4711\nprint(total)")
    notebook.screenshot("decision-edit")
    cell.locator("textarea").press("Control+Enter")
    notebook.wait_idle()
    notebook.run_cell(RUN_CELL + 1)
    assert notebook.cell_output_text(RUN_CELL + 1) == "4711"
    assert "total = 4711" in str(llmock.last_request.body)


def test_a_rejected_block_does_not_run_and_the_model_is_told_why(notebook: NotebookPage, llmock: Any) -> None:
    llmock.reply(CODE).reply("I could not. APPROVED")
    prepare(notebook, RUN, "'total' in globals()")
    notebook.run_cell(RUN_CELL, wait=False)
    cell = expect_waiting(notebook)
    button(cell, "Reject").click()
    cell.locator("textarea, input[type=text]").last.fill("wrong table")
    notebook.screenshot("decision-reject")
    cell.locator("textarea, input[type=text]").last.press("Enter")
    notebook.wait_idle()
    notebook.run_cell(RUN_CELL + 1)
    assert notebook.cell_output_text(RUN_CELL + 1) == "False"
    assert "Reason: wrong table" in str(llmock.last_request.body)


def test_all_of_an_agent_in_this_run(notebook: NotebookPage, llmock: Any) -> None:
    llmock.reply("```python\n1/0\n```").reply(CODE).reply("North. APPROVED")
    prepare(notebook, RUN, "total.to_dict()")
    notebook.run_cell(RUN_CELL, wait=False)
    cell = expect_waiting(notebook)
    button(cell, "Run all from analyst").click()
    notebook.wait_idle()
    expect(cell).to_contain_text("ZeroDivisionError")
    notebook.run_cell(RUN_CELL + 1)
    assert notebook.cell_output_text(RUN_CELL + 1) == "{'North': 300, 'South': 50}"


def test_a_person_takes_part(notebook: NotebookPage, llmock: Any) -> None:
    llmock.reply("Which year?").reply("Then it is North. APPROVED")
    run = "%team create talk critic you --stop APPROVED\n%team run talk --as result Which region?"
    prepare(notebook, run)
    notebook.run_cell(RUN_CELL, wait=False)
    cell = notebook.cell(RUN_CELL)
    expect(button(cell, "Send")).to_be_visible()
    reply = cell.locator("textarea, input[type=text]").last
    reply.fill("dd 2026 <b>& more</b>")
    notebook.screenshot("decision-reply")
    button(cell, "Send").click()
    notebook.wait_idle()
    expect(cell).to_contain_text("Then it is North.")
    assert "dd 2026 <b>& more</b>" in str(llmock.last_request.body)
    # What was typed are no shortcuts of the notebook: "dd" deletes a cell.
    assert notebook.cell_count() == RUN_CELL + 1


def test_detach_gives_the_kernel_back_and_the_run_goes_on(notebook: NotebookPage, llmock: Any) -> None:
    llmock.reply(CODE).reply(ANSWER).reply("APPROVED")
    prepare(notebook, RUN, "'my own work'", "(await result).answer")
    notebook.run_cell(RUN_CELL, wait=False)
    cell = expect_waiting(notebook)
    button(cell, "Detach").click()
    notebook.wait_idle()
    notebook.run_cell(RUN_CELL + 1)
    assert notebook.cell_output_text(RUN_CELL + 1) == "'my own work'"
    button(cell, "Run").click()
    expect(cell).to_contain_text("sold most: 300 in all")
    notebook.run_cell(RUN_CELL + 2)
    assert ANSWER in notebook.cell_output_text(RUN_CELL + 2)
    [output] = notebook.save()["cells"][RUN_CELL]["outputs"]
    assert WIDGET_MIME not in output["data"]


def test_a_click_reaches_a_run_that_a_later_cell_awaits(notebook: NotebookPage, llmock: Any) -> None:
    llmock.reply(CODE).reply(ANSWER).reply("APPROVED")
    prepare(notebook, RUN.replace("--as", "--detach --as"), "(await result).answer")
    notebook.run_cell(RUN_CELL)
    cell = expect_waiting(notebook)
    notebook.run_cell(RUN_CELL + 1, wait=False)
    button(cell, "Run").click()
    notebook.wait_idle()
    assert ANSWER in notebook.cell_output_text(RUN_CELL + 1)


def test_after_a_reload_the_question_is_there_again(notebook: NotebookPage, llmock: Any) -> None:
    llmock.reply(CODE).reply(ANSWER).reply("APPROVED")
    prepare(notebook, RUN, "result.answer")
    notebook.run_cell(RUN_CELL, wait=False)
    expect_waiting(notebook)
    notebook.save()
    notebook.reload()
    cell = notebook.cell(RUN_CELL)
    expect(button(cell, "Run")).to_be_visible(timeout=30_000)
    button(cell, "Run").click()
    expect(cell).to_contain_text("sold most: 300 in all", timeout=15_000)


@pytest.mark.parametrize("how", ["Stop", "interrupt"])
def test_a_block_that_never_ends_is_stopped_within_a_second(notebook: NotebookPage, llmock: Any, how: str) -> None:
    llmock.reply(ENDLESS)
    prepare(notebook, RUN.replace("--as", "--approve always --as"), "started, result.status")
    notebook.run_cell(RUN_CELL, wait=False)
    cell = notebook.cell(RUN_CELL)
    expect(cell).to_contain_text("running")
    notebook.screenshot(f"endless-{how}")
    if how == "Stop":
        button(cell, "Stop").click()
    else:
        notebook.interrupt()
    assert seconds_until(lambda: expect(cell).to_contain_text("RunStopped")) < 1.5
    notebook.wait_idle()
    notebook.run_cell(RUN_CELL + 1)
    assert notebook.cell_output_text(RUN_CELL + 1) == "(True, 'stopped')"


def test_a_stop_that_must_wait_says_what_for(notebook: NotebookPage, llmock: Any) -> None:
    call = "import hashlib\nhashlib.pbkdf2_hmac('sha256', b'', b'', 15_000_000)"  # some seconds; lets no signal in
    llmock.reply(f"```python\n{call}\n```")
    prepare(notebook, RUN)
    notebook.run_cell(RUN_CELL, wait=False)
    cell = expect_waiting(notebook)
    button(cell, "Run").click()
    expect(cell).to_contain_text("running block 1")
    button(cell, "Stop").click()
    expect(cell).to_contain_text("in a call that cannot be interrupted; Restart Kernel ends it at once", timeout=15_000)
    notebook.wait_idle()
    expect(cell).to_contain_text("RunStopped")
    cell.locator("summary", has_text="block 1 stopped").click()
    expect(cell).to_contain_text("a call that cannot be interrupted had to return first")


def test_stop_while_the_model_is_asked(notebook: NotebookPage, llmock: Any) -> None:
    llmock.reply("a few words that never come").stall(after_chunks=1, seconds=20)
    prepare(notebook, RUN, "result.status")
    notebook.run_cell(RUN_CELL, wait=False)
    cell = notebook.cell(RUN_CELL)
    expect(cell).to_contain_text("analyst")
    button(cell, "Stop").click()
    assert seconds_until(lambda: expect(cell).to_contain_text("RunStopped")) < 1.5
    notebook.wait_idle()
    notebook.run_cell(RUN_CELL + 1)
    assert notebook.cell_output_text(RUN_CELL + 1) == "'stopped'"
