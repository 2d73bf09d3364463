"""The notebook of the story, for all tests that play it against a scripted model server."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Locator, expect

from tests.browser.notebook_page import NotebookPage

KEY = "sk-proj-planted0123456789abcdefABCDEF"
PASSWORD = "planted-p4ssword-of-the-environment"

CODE = """I compute the total first.

```python
total = sales.groupby("region").amount.sum()
print(total.to_string())
```
"""
ANSWER = "**North** sold most: 300 in all."

LOAD = "%load_ext nbagents"
DATA = """import pandas as pd

sales = pd.DataFrame({"region": ["North", "South", "North"], "amount": [100, 50, 200]})"""
ANALYST = """%%agent analyst
---
model: openai/scripted
code: live
---
You are a careful data analyst."""
CRITIC = """%%agent critic --model openai/scripted --code none
Say APPROVED when the answer is right."""
TEAM = """%%team create sales_team
agents: [analyst, critic]
stop: APPROVED"""
RUN = """%%team run sales_team --use sales --as result
Which region sold most? {braces} and $x^2$ stay as they are."""

DEFINITIONS = [LOAD, DATA, ANALYST, CRITIC, TEAM]
RUN_CELL = len(DEFINITIONS)
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"


def environment(llmock_server: Any) -> dict[str, str]:
    """What the kernels of these tests have in their environment: the scripted server, and planted secrets."""
    return {"OPENAI_BASE_URL": llmock_server.base_url("openai"), "OPENAI_API_KEY": KEY, "DB_PASSWORD": PASSWORD}


def prepare(notebook: NotebookPage, *cells: str) -> NotebookPage:
    """Open the definitions and `cells`, and run the definitions."""
    notebook.open_notebook([*DEFINITIONS, *cells])
    for index in range(RUN_CELL):
        notebook.run_cell(index)
    return notebook


def button(cell: Locator, name: str) -> Locator:
    """The button that is named exactly so, without its key hint."""
    return cell.locator("button", has_text=name).first


def seconds_until(condition: Any) -> float:
    """How long it takes until the expectation `condition()` holds."""
    began = time.monotonic()
    condition()
    return time.monotonic() - began


def expect_waiting(notebook: NotebookPage, index: int = RUN_CELL) -> Locator:
    """The run's cell, when a block in it waits for the person."""
    cell = notebook.cell(index)
    expect(button(cell, "Run")).to_be_visible()
    return cell
