"""The story a person plays: load, define, run on a real DataFrame, approve with a button, see the answer, reopen.

Everything is real (JupyterLab, Chromium, kernel, socket) but the model, which is a server that answers from a script.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.notebook_page import NotebookPage
from tests.browser.scripted_story import (
    ANSWER,
    CODE,
    KEY,
    RUN,
    RUN_CELL,
    WIDGET_MIME,
    button,
    environment,
    expect_waiting,
    prepare,
)


@pytest.fixture
def lab_env(llmock_server: Any) -> dict[str, str]:
    return environment(llmock_server)


def test_the_story(notebook: NotebookPage, llmock: Any) -> None:
    llmock.reply(CODE).reply(ANSWER).reply("APPROVED")
    prepare(notebook, RUN, "result.answer", "print(total.to_dict())")
    assert "nbagents" in notebook.cell_output_text(0)
    assert "analyst → critic" in notebook.cell_output_text(4)

    notebook.run_cell(RUN_CELL, wait=False)
    cell = expect_waiting(notebook)
    expect(cell).to_contain_text("I compute the total first.")
    expect(cell).to_contain_text('total = sales.groupby("region")')
    pictures(notebook, "story-approval")
    button(cell, "Run").click()
    notebook.wait_idle()
    expect(cell).to_contain_text("sold most: 300 in all")
    pictures(notebook, "story-done")

    notebook.run_cell(RUN_CELL + 1)
    assert ANSWER in notebook.cell_output_text(RUN_CELL + 1)
    notebook.run_cell(RUN_CELL + 2)
    assert notebook.cell_output_text(RUN_CELL + 2) == "{'North': 300, 'South': 50}"

    saved = notebook.save()
    [output] = saved["cells"][RUN_CELL]["outputs"]
    assert WIDGET_MIME not in output["data"]
    assert {"text/html", "text/markdown", "text/plain"} <= set(output["data"])
    assert "widgets" not in saved["metadata"]
    assert KEY not in json.dumps(saved)

    notebook.server.close_sessions()
    notebook.reload()
    expect(notebook.cell(RUN_CELL)).to_contain_text("sold most: 300 in all")
    expect(notebook.page.get_by_text("model not found")).to_have_count(0)
    assert notebook.errors == []


def test_run_all_keeps_its_order(notebook: NotebookPage, llmock: Any) -> None:
    llmock.reply(CODE).reply(ANSWER).reply("APPROVED")
    prepare(notebook, RUN.replace("--as", "--approve always --as"), "result.status, result.answer")
    notebook.run_all()
    assert notebook.cell_output_text(RUN_CELL + 1) == f"('done', '{ANSWER}')"


def test_the_kernel_inserts_cells_below_the_one_that_asks(notebook: NotebookPage) -> None:
    ask = (
        "from nbagents.kernel import Cell, insert_below\n"
        "new = [{'cell_type': 'markdown', 'source': '# kept'}, {'cell_type': 'code', 'source': '6 * 7'}]\n"
        "len(await insert_below(Cell.executing(), new))"
    )
    notebook.open_notebook(["import nbagents", ask, "'the last one'"])
    notebook.run_cell(1)
    assert notebook.cell_output_text(1) == "2"
    assert [notebook.cell_source(index) for index in range(2, 5)] == ["# kept", "6 * 7", "'the last one'"]
    notebook.run_cell(3)
    assert notebook.cell_output_text(3) == "42"


def pictures(notebook: NotebookPage, name: str, index: int = RUN_CELL) -> None:
    """The same moment in light and dark: the window, and the run cell alone."""
    cell = notebook.cell(index)
    cell.evaluate("node => node.scrollIntoView({block: 'start'})")
    for theme in ("dark", "light"):
        notebook.set_theme(theme)
        notebook.screenshot(f"{name}-{theme}")
        notebook.screenshot(f"{name}-cell-{theme}", of=cell)
