"""Cells are inserted by the page, or offered as one where no page does it."""

from __future__ import annotations

import asyncio

import pytest

from nbagents.kernel.insertion import merged
from tests.kernel.notebook import CellRun, Notebook

pytestmark = pytest.mark.asyncio(loop_scope="module")

CELLS = [{"cell_type": "markdown", "source": "# Title\n\ntext"}, {"cell_type": "code", "source": "x = 1\n"}]
INSERT = f"""
try:
    print(await insert_below(Cell.executing(), {CELLS!r}))
except Exception as error:
    print(type(error).__name__, error)
"""


async def request(notebook: Notebook) -> str:
    """What the page gets: a comm that opens, and the request on it."""
    opened = await notebook.comm_message("comm_open")
    assert opened["content"]["target_name"] == "nbagents.cells"
    comm_id: str = opened["content"]["comm_id"]
    message = await notebook.comm_message("comm_msg", comm_id)
    assert message["content"]["data"] == {"type": "insert_below", "cells": CELLS, "after": "cell-1"}
    return comm_id


@pytest.fixture
async def inserting(notebook: Notebook) -> CellRun:
    notebook.comms.clear()
    return notebook.start_cell(INSERT, cell_id="cell-1")


async def test_the_page_inserts_and_says_where(notebook: Notebook, thread_mode: bool) -> None:
    notebook.comms.clear()
    shells = [None]
    if thread_mode:
        shells.append((await notebook.control("create_subshell_request"))["content"]["subshell_id"])
    for shell in shells:
        run = notebook.start_cell(INSERT, cell_id="cell-1")
        comm_id = await request(notebook)
        notebook.send_comm(comm_id, {"type": "inserted", "cell_ids": ["a", "b"]}, subshell=shell)
        assert (await run.ends()).text == "['a', 'b']\n"
        await notebook.comm_message("comm_close", comm_id)


async def test_the_answer_does_not_show_the_users_half_built_figure(notebook: Notebook) -> None:
    notebook.comms.clear()
    run = notebook.start_cell(
        f"import matplotlib.pyplot as plt\nplt.plot([1])\n{INSERT}\nplt.title('whole'); print(plt.get_fignums())",
        cell_id="cell-1",
    )
    comm_id = await request(notebook)
    notebook.send_comm(comm_id, {"type": "inserted", "cell_ids": []})
    await run.ends()
    assert run.text == "[]\n[1]\n"
    assert len(run.displays) == 1


async def test_the_page_says_why_not(notebook: Notebook) -> None:
    notebook.comms.clear()
    run = notebook.start_cell(INSERT, cell_id="cell-1")
    notebook.send_comm(await request(notebook), {"type": "error", "message": "The notebook a.ipynb is read-only."})
    assert (await run.ends()).text.startswith("FrontEndUnavailable the page could not insert the cells: The notebook a")


async def test_no_page_answers(notebook: Notebook) -> None:
    run = notebook.start_cell(INSERT, cell_id="cell-1")
    await asyncio.sleep(0)
    assert "FrontEndUnavailable no page answered within 2 s" in (await run.ends()).text


async def test_the_fallback_is_one_cell_below(notebook: Notebook) -> None:
    run = await notebook.run(f"cell = Cell.executing(); text = offer_as_next_cell(cell, {CELLS!r})")
    expected = "# %% [markdown]\n# # Title\n#\n# text\n\n# %%\nx = 1"
    assert run.reply["payload"] == [{"source": "set_next_input", "text": expected, "replace": False}]
    run = await notebook.run(f"offer_as_next_cell(cell, {CELLS!r})")
    assert run.errors[0]["ename"] == "ExecutionUnavailable"
    assert run.reply["payload"] == []


async def test_one_code_cell_needs_no_separator() -> None:
    assert merged([{"cell_type": "code", "source": "x = 1"}]) == "x = 1"
