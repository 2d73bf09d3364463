"""``nbagents demo``: runs a notebook to its end with nobody there, and prints the answers of its runs.

Nobody can approve code in a headless notebook, and approval is never switched off behind a notebook's back. So the
demo runs a copy in which the run cells themselves say ``--approve always``, and says that it does.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Any

from .errors import NBAgentsError

RUN_CELL = re.compile(r"^%%team run (?![^\n]*--approve)[^\n]*", re.M)


def run(notebook: Path, *, timeout: float | None = None) -> int:
    """Execute `notebook` and print what its cells say.

    Args:
        notebook: it is not changed; the executed copy is written beside it as ``NAME.executed.ipynb``.
        timeout: seconds that one cell may take; None for any.

    Returns:
        0, or 1 when a cell failed.

    Raises:
        NBAgentsError: the notebook is not there, or what runs notebooks is not installed.
    """
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
    except ImportError as error:
        raise NBAgentsError('running a notebook needs nbclient: pip install "nbagents[demo]"') from error
    if not notebook.is_file():
        raise NBAgentsError(f"no notebook {str(notebook)!r}: give the path of one, e.g. notebooks/quickstart.ipynb")
    copy = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]  # nbformat is partly untyped
    print(
        f"running {notebook} headless; nobody can approve code there, so the run cells of a copy say --approve always"
    )
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.source = RUN_CELL.sub(lambda match: f"{match[0]} --approve always", cell.source)
    client = NotebookClient(
        copy,
        timeout=timeout,
        kernel_name="python3",
        resources={"metadata": {"path": str(notebook.parent)}},
        on_cell_start=lambda cell, cell_index: _begin(cell, cell_index),
        on_cell_executed=lambda cell, cell_index, execute_reply: _show(cell),
    )
    began, status = time.monotonic(), 0
    try:
        client.execute()
    except CellExecutionError as error:
        print(f"{error.ename}: {error.evalue}", file=sys.stderr)
        status = 1
    executed = notebook.with_suffix(".executed.ipynb")
    nbformat.write(copy, executed)  # type: ignore[no-untyped-call]  # nbformat is partly untyped
    print(f"{'done' if status == 0 else 'failed'} in {time.monotonic() - began:.0f} s; with its outputs: {executed}")
    return status


def _begin(cell: Any, index: int) -> None:
    if cell.cell_type == "code":
        print(f"\n[{index}] {cell.source.splitlines()[0]}", flush=True)


def _show(cell: Any) -> None:
    """Print a cell's outputs as text."""
    for output in cell.get("outputs", []):
        text = output.get("text") or output.get("data", {}).get("text/plain", "")
        if text:
            print("    " + str(text).rstrip().replace("\n", "\n    "), flush=True)
