"""The story with a real, small model in the engine of this machine: that it plays to its end, not what it says."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from nbagents.errors import ModelNotFound
from nbagents.models import weights
from tests.browser.notebook_page import NotebookPage
from tests.browser.scripted_story import ANALYST, CRITIC, DATA, LOAD, RUN, RUN_CELL, TEAM, button

MODEL = "qwen2.5-coder-0.5b"


@pytest.fixture(autouse=True)
def _weights() -> None:
    try:
        weights.find(MODEL)
    except ModelNotFound as error:
        pytest.fail(f"this test needs a real model: {error}")


@pytest.mark.timeout(300)
def test_the_story_with_a_local_model(notebook: NotebookPage) -> None:
    model = f"local/{MODEL}"
    cells = [
        LOAD,
        DATA,
        ANALYST.replace("openai/scripted", model),
        CRITIC.replace("openai/scripted", model),
        TEAM + "\nmax_turns: 2",
        RUN,
        "result.status, result.usage.total.completion_tokens > 0, len(result.answer) > 0",
    ]
    notebook.open_notebook(cells)
    for index in range(RUN_CELL):
        notebook.run_cell(index)
    notebook.run_cell(RUN_CELL, wait=False)
    approve_until_it_ends(notebook)
    notebook.screenshot("local-model-done")
    notebook.run_cell(RUN_CELL + 1)
    assert notebook.cell_output_text(RUN_CELL + 1) == "('done', True, True)"
    assert notebook.errors == []


def approve_until_it_ends(notebook: NotebookPage) -> None:
    """Press Run whenever a block waits; how many the model writes is its own affair."""
    run = button(notebook.cell(RUN_CELL), "Run")
    ended = notebook.cell(RUN_CELL).locator("details > summary", has_text="done")
    for _ in range(4):
        expect(run.or_(ended).first).to_be_visible(timeout=240_000)
        if ended.is_visible():
            return
        run.click()
        expect(run).to_be_hidden()
    expect(ended).to_be_visible(timeout=240_000)
