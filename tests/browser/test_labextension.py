"""The labextension in a real JupyterLab: agent cells are coloured, the kernel's cells are inserted."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from tests.browser.notebook_page import NotebookPage

AGENT = """%%agent analyst --model local/qwen --code docker
---
model: local/qwen   # the small one
turns: 12
stop: "APPROVED"
---
You are careful and for in is lambda not code: import nothing. It's 3 o'clock.
None of def or class is a keyword here."""

TEAM = "%%team create duo\nagents: [analyst, critic]\nflow: round_robin"
TASK = "%%team run duo --as first\nWhy did churn rise in May? Don't import anything."

# Listens for the answer with an event, on the kernel's loop; `insert` is awaited by the cells below.
PRELUDE = """
import asyncio, comm

def cell_id():
    return get_ipython().kernel.get_parent("shell")["metadata"].get("cellId")

def ask(message):
    channel = comm.create_comm(target_name="nbagents.cells")
    answer = asyncio.get_running_loop().create_future()
    channel.on_msg(lambda m: answer.done() or answer.set_result(m["content"]["data"]))
    channel.send(message)
    return answer
"""
INSERT_TWO = """
answer = ask({"type": "insert_below", "after": cell_id(), "cells": [
    {"cell_type": "code", "source": "kept = 1", "metadata": {"nbagents": {"run": "churn"}}},
    {"cell_type": "markdown", "source": "# The answer"}]})
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_agent_cell_is_highlighted(notebook: NotebookPage, theme: str) -> None:
    notebook.open_notebook([AGENT, TEAM, TASK])
    notebook.set_theme(theme)

    assert words(notebook, 0, "magic") == ["%%agent"]
    assert words(notebook, 0, "name") == ["analyst"]
    assert words(notebook, 0, "flag") == ["--model", "--code"]
    assert words(notebook, 0, "value") == ["local/qwen", "docker"]
    assert words(notebook, 0, "fence") == ["---", "---"]
    assert words(notebook, 0, "key") == ["model", "turns", "stop"]
    assert words(notebook, 0, "number") == ["12"]
    assert words(notebook, 0, "string") == ['"APPROVED"']
    assert words(notebook, 0, "comment") == ["# the small one"]
    assert words(notebook, 1, "verb") == ["create"]
    assert words(notebook, 1, "key") == ["agents", "flow"]
    assert words(notebook, 2, "verb") == ["run"]
    assert "".join(words(notebook, 2, "prose")) == TASK.partition("\n")[2]
    notebook.screenshot(f"highlight-{theme}")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_prose_is_not_coloured_as_python(notebook: NotebookPage, theme: str) -> None:
    notebook.open_notebook([AGENT])
    notebook.set_theme(theme)

    found = pieces(notebook, 0)

    prose = [piece for piece in found if piece["kind"] == "prose"]
    assert [piece["text"] for piece in prose] == AGENT.split("\n")[-2:]
    assert {(piece["weight"], piece["slant"]) for piece in prose} == {("400", "normal")}
    coloured = {piece["kind"]: piece["colour"] for piece in found}
    assert coloured["magic"] == theme_colour(notebook, "--jp-mirror-editor-keyword-color")
    assert coloured["key"] == theme_colour(notebook, "--jp-mirror-editor-property-color")
    assert coloured["comment"] == theme_colour(notebook, "--jp-mirror-editor-comment-color")
    assert coloured["prose"] == theme_colour(notebook, "--jp-content-font-color1")


def test_other_cells_are_left_alone(notebook: NotebookPage) -> None:
    notebook.open_notebook(
        ["x = 1\n%%agent late", "%%agentic\nx", ("markdown", AGENT), "%%time\nx = 1", "%team run duo x"]
    )

    assert notebook.page.locator("[class*=jp-nbagents]").count() == 0


def test_highlighting_follows_the_typing(notebook: NotebookPage) -> None:
    notebook.open_notebook(["agent analyst\nFor example."])
    assert words(notebook, 0, "magic") == []

    notebook.cell(0).locator(".cm-content").click()
    notebook.page.keyboard.press("Control+Home")
    notebook.page.keyboard.type("%%")

    notebook.cell(0).locator(".jp-nbagents-magic").wait_for()
    assert words(notebook, 0, "name") == ["analyst"]


def test_cells_are_inserted_below_the_asking_cell_in_one_undo_step(notebook: NotebookPage) -> None:
    notebook.open_notebook([PRELUDE, INSERT_TWO, "answer.result()", "last = True"])
    notebook.run_cell(0)
    notebook.run_cell(1)
    notebook.page.wait_for_function("() => nbtest.panel().content.widgets.length === 6")

    assert [notebook.cell_source(i) for i in (2, 3, 4)] == ["kept = 1", "# The answer", "answer.result()"]
    notebook.run_cell(4)
    saved = notebook.save()["cells"]
    ids = [cell["id"] for cell in saved[2:4]]
    assert ast.literal_eval(notebook.cell_output_text(4)) == {"type": "inserted", "cell_ids": ids}
    assert [cell["cell_type"] for cell in saved[2:4]] == ["code", "markdown"]
    assert saved[2]["metadata"]["nbagents"] == {"run": "churn"}

    notebook.execute("notebook:undo-cell-action")
    assert [notebook.cell_source(i) for i in range(notebook.cell_count())][2:] == ["answer.result()", "last = True"]


def test_undo_leaves_the_change_just_before_alone(notebook: NotebookPage) -> None:
    notebook.open_notebook([PRELUDE, INSERT_TWO, "last = True"])
    notebook.run_cell(0)
    notebook.select(2)
    notebook.execute("notebook:insert-cell-below")
    notebook.run_cell(1)
    notebook.page.wait_for_function("() => nbtest.panel().content.widgets.length === 6")

    notebook.execute("notebook:undo-cell-action")

    assert notebook.cell_count() == 4


def test_without_an_id_the_active_cell_is_meant(notebook: NotebookPage) -> None:
    insert = 'answer = ask({"type": "insert_below", "cells": [{"cell_type": "code", "source": "new"}]})'
    notebook.open_notebook([PRELUDE, insert, "last = True"])
    notebook.run_cell(0)
    notebook.run_cell(1)
    notebook.page.wait_for_function("() => nbtest.panel().content.widgets.length === 4")

    assert notebook.cell_source(2) == "new"


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        ('{"type": "insert_below", "after": "gone", "cells": [{"cell_type": "code", "source": ""}]}', "the id gone"),
        ('{"type": "insert_below", "cells": [{"cell_type": "raw", "source": ""}]}', '"cells" must be'),
        ('{"type": "insert_below", "cells": []}', '"cells" must be'),
        ('{"type": "delete"}', 'Unknown request "delete"'),
    ],
    ids=["unknown-cell", "raw-cell", "no-cells", "unknown-type"],
)
def test_a_wrong_request_is_answered_with_an_error(notebook: NotebookPage, message: str, complaint: str) -> None:
    notebook.open_notebook([PRELUDE, f"answer = ask({message})", "import asyncio\nawait asyncio.wait_for(answer, 10)"])
    notebook.run_cell(0)
    notebook.run_cell(1)
    notebook.run_cell(2)

    answer: dict[str, Any] = ast.literal_eval(notebook.cell_output_text(2))
    assert answer["type"] == "error"
    assert complaint in answer["message"]
    assert notebook.cell_count() == 3


def test_insertion_works_after_a_kernel_restart(notebook: NotebookPage) -> None:
    notebook.open_notebook([PRELUDE, INSERT_TWO])
    notebook.page.evaluate("() => nbtest.panel().sessionContext.restartKernel().then(() => null)")
    notebook.wait_idle()
    notebook.run_cell(0)
    notebook.run_cell(1)

    notebook.page.wait_for_function("() => nbtest.panel().content.widgets.length === 4")


def words(notebook: NotebookPage, index: int, kind: str) -> list[str]:
    """The texts of a cell that carry our mark of this kind."""
    return [piece["text"] for piece in pieces(notebook, index) if piece["kind"] == kind]


def pieces(notebook: NotebookPage, index: int) -> list[dict[str, str]]:
    """The text of a cell in order, with our kind and the computed colour, weight and slant.

    The editor cuts a mark where a mark around it ends; neighbours on a line that look the same are one piece here.
    """
    script = """node => {
      const found = [];
      for (const line of node.querySelectorAll('.cm-line')) {
        let last = null;
        const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
          const parent = walker.currentNode.parentElement;
          const mark = parent.closest('[class*="jp-nbagents-"]:not(.cm-line)');
          const name = mark && [...mark.classList].find(c => c.startsWith('jp-nbagents-'));
          const { color, fontWeight, fontStyle } = getComputedStyle(parent);
          const piece = { text: walker.currentNode.data, kind: name?.slice('jp-nbagents-'.length) ?? '',
            colour: color, weight: fontWeight, slant: fontStyle };
          const same = last && ['kind', 'colour', 'weight', 'slant'].every(key => last[key] === piece[key]);
          if (same) { last.text += piece.text; } else { found.push(last = piece); }
        }
      }
      return found;
    }"""
    found: list[dict[str, str]] = notebook.cell(index).locator(".cm-content").evaluate(script)
    return found


def theme_colour(notebook: NotebookPage, variable: str) -> str:
    """A theme variable as the browser computes a colour from it."""
    script = """variable => {
      const probe = document.body.appendChild(document.createElement('span'));
      probe.style.color = `var(${variable})`;
      const colour = getComputedStyle(probe).color;
      probe.remove();
      return colour;
    }"""
    colour: str = notebook.page.evaluate(script, variable)
    return colour
