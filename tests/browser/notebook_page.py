"""A notebook in a real JupyterLab, as a test handles it.

JupyterLab is driven through its own application object (`window.jupyterapp`) rather than by clicking its menus: a test
of ours should fail for our reasons. What a person would see and click inside a cell is looked up in the page as usual:
`notebook.cell(0).get_by_role("button", name="Stop").click()`.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, Locator, Page

from tests.browser.lab_server import LabServer

ROOT = Path(__file__).parents[2]
ARTIFACTS = Path(os.environ.get("NBAGENTS_ARTIFACTS", ROOT / "artifacts"))
OPEN_SECONDS = 60.0
RUN_SECONDS = 60.0
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

# A cell's source, or its kind and source, or a whole nbformat cell.
Cell = str | tuple[str, str] | dict[str, Any]

# The page's own way to the notebook of this test, and the promises of the commands that it has started.
SETUP = """path => {
  window.nbtest = {
    runs: {},
    panel: () => [...jupyterapp.shell.widgets('main')].find(w => w.context?.path === path && w.content?.widgets),
    start: (token, command) => {
      const run = nbtest.runs[token] = { done: false, error: null };
      const panel = nbtest.panel();
      jupyterapp.shell.activateById(panel.id);
      jupyterapp.commands.execute(command).then(
        () => { run.done = true; }, error => { run.done = true; run.error = String(error); });
    },
  };
}"""
READY = """() => {
  const panel = nbtest.panel();
  return Boolean(panel?.isVisible && panel.context.isReady && panel.sessionContext.isReady
    && panel.sessionContext.session?.kernel?.status === 'idle');
}"""
IDLE = """() => {
  const panel = nbtest.panel();
  const busy = panel.content.widgets.some(c => c.model.type === 'code' && c.model.executionState === 'running');
  return !busy && panel.sessionContext.session?.kernel?.status === 'idle';
}"""


class NotebookPage:
    """One notebook, open in a browser window of its own."""

    def __init__(self, browser: Browser, server: LabServer) -> None:
        self.server = server
        self.context = browser.new_context(viewport={"width": 1280, "height": 1000}, reduced_motion="reduce")
        self.page: Page = self.context.new_page()
        self.console: list[str] = []
        self.errors: list[str] = []
        self.page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.path = f"notebook-{uuid.uuid4().hex[:8]}.ipynb"

    @property
    def file(self) -> Path:
        """The notebook on disk."""
        return self.server.root / self.path

    def open_notebook(self, cells: Sequence[Cell], *, timeout: float = OPEN_SECONDS) -> Page:
        """Writes a notebook of these cells and opens it; returns the page when its kernel is idle."""
        nbformat.write(notebook_of(cells), self.file)
        self.page.goto(f"{self.server.url}/lab/tree/{self.path}?reset&token={self.server.token}")
        self._await_open(timeout)
        self.set_theme("light")
        return self.page

    def reload(self, *, timeout: float = OPEN_SECONDS) -> Page:
        """Reloads the page, as a person does; the kernel lives on."""
        self.page.goto(f"{self.server.url}/lab/tree/{self.path}?reset")
        self._await_open(timeout, ready=False)
        return self.page

    def _await_open(self, timeout: float, *, ready: bool = True) -> None:
        limit = timeout * 1000
        self.page.wait_for_function("() => window.jupyterapp?.shell", timeout=limit)
        self.page.evaluate("() => jupyterapp.restored.then(() => null)")
        self.page.evaluate(SETUP, self.path)
        self.page.wait_for_function("() => nbtest.panel()?.context.isReady", timeout=limit)
        if ready:
            self.page.wait_for_function(READY, timeout=limit)

    def cell(self, index: int) -> Locator:
        """The cell's element."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell").nth(index)

    def select(self, index: int) -> None:
        """Makes a cell the active one."""
        self.page.evaluate("index => { nbtest.panel().content.activeCellIndex = index; }", index)

    def execute(self, command: str, *, wait: bool = True, timeout: float = RUN_SECONDS) -> None:
        """Executes a JupyterLab command in this notebook; with `wait`, until its promise is fulfilled."""
        token = uuid.uuid4().hex
        self.page.evaluate("([token, command]) => nbtest.start(token, command)", [token, command])
        if not wait:
            return
        self.page.wait_for_function("token => nbtest.runs[token].done", arg=token, timeout=timeout * 1000)
        error = self.page.evaluate("token => nbtest.runs[token].error", token)
        if error is not None:
            raise RuntimeError(f"the command {command!r} failed: {error}")

    def run_cell(self, index: int, *, wait: bool = True, timeout: float = RUN_SECONDS) -> None:
        """Runs one cell; with `wait`, until it has ended, well or badly."""
        self.select(index)
        self.execute("notebook:run-cell", wait=wait, timeout=timeout)

    def run_all(self, *, wait: bool = True, timeout: float = RUN_SECONDS) -> None:
        """Run All Cells; with `wait`, until the last one has ended."""
        self.execute("notebook:run-all-cells", wait=wait, timeout=timeout)

    def interrupt(self) -> None:
        """Interrupts the kernel, as the ■ button does."""
        self.execute("notebook:interrupt-kernel")

    def wait_idle(self, *, timeout: float = RUN_SECONDS) -> None:
        """Waits until no cell runs and the kernel is idle."""
        self.page.wait_for_function(IDLE, timeout=timeout * 1000)

    def cell_count(self) -> int:
        count: int = self.page.evaluate("() => nbtest.panel().content.widgets.length")
        return count

    def cell_source(self, index: int) -> str:
        source: str = self.page.evaluate("i => nbtest.panel().content.widgets[i].model.sharedModel.getSource()", index)
        return source

    def cell_outputs(self, index: int) -> list[dict[str, Any]]:
        """The cell's outputs as the notebook would save them."""
        script = "i => nbtest.panel().content.widgets[i].model.outputs.toJSON()"
        outputs: list[dict[str, Any]] = self.page.evaluate(script, index)
        return outputs

    def cell_output_text(self, index: int) -> str:
        """The text that a person sees under the cell, without the prompts; one line per output at least."""
        script = """i => {
          const area = nbtest.panel().content.widgets[i].outputArea.node;
          return [...area.querySelectorAll('.jp-OutputArea-output')].map(node => node.innerText.trim()).join('\\n');
        }"""
        text: str = self.page.evaluate(script, index)
        return text

    def save(self) -> dict[str, Any]:
        """Saves the notebook; returns what is then in the file."""
        self.page.evaluate("() => nbtest.panel().context.save().then(() => null)")
        saved: dict[str, Any] = json.loads(self.file.read_text())
        return saved

    def set_theme(self, theme: str) -> None:
        """Switches to the `light` or the `dark` theme."""
        name = THEMES[theme]
        change = "theme => jupyterapp.commands.execute('apputils:change-theme', {theme}).then(() => null)"
        self.page.evaluate(change, name)
        # The theme's style sheet is there when its name and its variables are.
        script = """name => document.body.dataset.jpThemeName === name
          && getComputedStyle(document.body).getPropertyValue('--jp-layout-color1') !== ''"""
        self.page.wait_for_function(script, arg=name)
        # JupyterLab's splash screen of one change removes itself later, and fails if that of a second one is there.
        self.page.wait_for_function("() => !document.getElementById('jupyterlab-splash')")

    def screenshot(self, name: str, of: Locator | None = None) -> Path:
        """Writes `artifacts/<name>.png` (or below NBAGENTS_ARTIFACTS), of the window or of one element in it."""
        path = ARTIFACTS / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        (of or self.page).screenshot(path=path, animations="disabled")
        return path

    def write_trace(self, name: str) -> None:
        """What is needed to understand a failure: a picture, the browser's console and the server's log."""
        picture = self.screenshot(name)
        lines = [*self.console, *(f"page error: {error}" for error in self.errors), "", self.server.log_tail()]
        picture.with_suffix(".log").write_text("\n".join(lines))

    def close(self) -> None:
        """Closes the window and ends the kernel."""
        self.context.close()
        self.server.close_sessions()


def notebook_of(cells: Sequence[Cell]) -> Any:
    """An nbformat notebook of these cells."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for cell in cells:
        if isinstance(cell, dict):
            notebook.cells.append(nbformat.from_dict(cell))
            continue
        kind, source = ("code", cell) if isinstance(cell, str) else cell
        new_cell = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
        notebook.cells.append(new_cell(source))
    return notebook
