"""The pictures of the docs: the quickstart's run cell, when a block of code waits for the person.

`make images` writes them to docs/images; here they are made as well, so that what makes them goes on working.
"""

from __future__ import annotations

import shutil
from typing import Any

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.notebook_page import ROOT, NotebookPage
from tests.browser.scripted_story import button, environment

QUICKSTART = ROOT / "notebooks" / "quickstart.ipynb"
BLOCK = """```python
mass = penguins.groupby("species").body_mass_g.mean().round(1)
print(mass.to_string())
print("heaviest:", mass.idxmax())
```
"""


@pytest.fixture
def lab_env(llmock_server: Any) -> dict[str, str]:
    return environment(llmock_server)


def test_the_pictures_of_the_docs(notebook: NotebookPage, llmock: Any) -> None:
    llmock.reply(BLOCK).reply("Gentoo: 5076.0, Chinstrap: 3733.1, Adelie: 3700.7.").reply("APPROVED")
    shutil.copy(QUICKSTART.with_name("penguins.csv"), notebook.server.root)
    cells = [str(cell.source) for cell in nbformat.read(QUICKSTART, as_version=4).cells if cell.cell_type == "code"]
    at = next(index for index, cell in enumerate(cells) if cell.startswith("%%team run"))
    notebook.open_notebook([cell.replace("local/qwen2.5-coder-1.5b", "openai/scripted") for cell in cells[: at + 1]])
    for index in range(at):
        notebook.run_cell(index)
    notebook.run_cell(at, wait=False)
    cell = notebook.cell(at)
    expect(button(cell, "Run")).to_be_visible()
    for theme in ("dark", "light"):
        notebook.set_theme(theme)
        notebook.screenshot(f"run-{theme}", of=cell)
    button(cell, "Run").click()
    notebook.wait_idle()
    expect(cell).to_contain_text("Gentoo: 5076.0")
    assert notebook.errors == []
