"""What the headless tests drive: kernels whose cells nobody can answer, and the tools that run whole notebooks.

Every kernel and every tool gets the environment of `isolated_environment`: an allow-list, directories of its own, and
what a test plants. The kernel spec "python3" in it is the interpreter under test.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

CELL_SECONDS = 30
"""No cell of these tests takes that long; one that does hangs."""
TOOL_SECONDS = 60
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class Executed:
    """One cell after it ran: its outputs as the notebook keeps them, and the seconds that it took."""

    outputs: list[dict[str, Any]]
    seconds: float

    @property
    def text(self) -> str:
        """What it printed and showed, as plain text."""
        return "".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in self.outputs)

    @property
    def value(self) -> str:
        """The value of its last line."""
        [value] = [output["data"]["text/plain"] for output in self.outputs if output["output_type"] == "execute_result"]
        return str(value)

    @property
    def displays(self) -> list[dict[str, str]]:
        """The mime bundles that it displayed."""
        return [output["data"] for output in self.outputs if output["output_type"] == "display_data"]

    @property
    def errors(self) -> list[dict[str, Any]]:
        return [output for output in self.outputs if output["output_type"] == "error"]

    def one_line_error(self, name: str) -> str:
        """The text of its only error, which must be called `name` and take one line, without a traceback."""
        [error] = self.errors
        assert error["ename"] == name, error
        assert error["traceback"] == [f"{name}: {error['evalue']}"], "a frame of a traceback is shown"
        assert "\n" not in error["evalue"]
        return str(error["evalue"])


class Headless:
    """A notebook in a real kernel, through nbclient: no cell of it may ask for input.

    Attributes:
        directory: where the notebook is, and so the kernel's working directory.
    """

    def __init__(self, client: NotebookClient, directory: Path) -> None:
        self.directory = directory
        self._client = client

    @classmethod
    async def start(cls, python: str, directory: Path, environment: dict[str, str]) -> Headless:
        client = NotebookClient(nbformat.v4.new_notebook(), timeout=CELL_SECONDS, resources=resources(directory))
        client.km = kernel_manager(python, directory)
        await client.async_start_new_kernel(env=environment)
        await client.async_start_new_kernel_client()
        return cls(client, directory)

    async def stop(self) -> None:
        await self._client._async_cleanup_kernel()

    async def run(self, source: str) -> Executed:
        """Run a cell to its end, whether it fails or not."""
        cell = nbformat.v4.new_code_cell(source)
        self._client.nb.cells.append(cell)
        began = time.monotonic()
        with suppress(CellExecutionError):  # its error is one of its outputs
            await self._client.async_execute_cell(cell, len(self._client.nb.cells) - 1)
        return Executed([dict(output) for output in cell.outputs], time.monotonic() - began)

    async def runs(self, *sources: str) -> Executed:
        """Run cells that must not fail; the last one's outputs."""
        for source in sources:
            executed = await self.run(source)
            assert not executed.errors, "\n".join(executed.errors[0]["traceback"])
        return executed

    async def value(self, expression: str) -> Any:
        """The JSON value of an expression in the kernel."""
        executed = await self.runs(f"import json; print(json.dumps({expression}, default=str))")
        return json.loads(executed.text)

    async def saved(self) -> str:
        """The notebook as it would be saved now: every cell so far with its outputs, and its metadata."""
        self._client.set_widgets_metadata()
        return str(nbformat.writes(self._client.nb))

    @property
    def pid(self) -> int:
        """The process id of the kernel."""
        return int(self._client.km.provisioner.pid)


def resources(directory: Path) -> dict[str, Any]:
    """What nbclient is told of the place of a notebook."""
    return {"metadata": {"path": str(directory)}}


def kernel_manager(python: str, directory: Path) -> AsyncKernelManager:
    """A manager whose kernel "python3" is `python`."""
    specs = KernelSpecManager(kernel_dirs=[str(kernel_spec(python, directory))], ensure_native_kernel=False)
    return AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs)


def kernel_spec(python: str, directory: Path) -> Path:
    """Write the kernel spec "python3"; returns the folder of specs, which is in JUPYTER_DATA_DIR of `directory`."""
    folder = directory / "data" / "kernels"
    spec = {"argv": [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "language": "python"}
    (folder / "python3").mkdir(parents=True, exist_ok=True)
    (folder / "python3" / "kernel.json").write_text(json.dumps({"display_name": "Python 3", **spec}))
    return folder


@dataclass(frozen=True)
class Finished:
    """How a command ended, and the notebook that it wrote, if it did."""

    status: int
    said: str
    seconds: float
    notebook: dict[str, Any] | None

    def outputs(self, index: int) -> Executed:
        """What the code cell number `index` of the notebook shows."""
        assert self.notebook is not None, self.said
        return Executed([dict(output) for output in self.notebook["cells"][index]["outputs"]], 0.0)


TOOLS = {
    "nbconvert": ["nbconvert", "--to", "notebook", "--execute", "--output", "out.ipynb", "in.ipynb"],
    "papermill": ["papermill", "--no-progress-bar", "in.ipynb", "out.ipynb"],
    "execute": ["jupyter-execute", "--output", "out", "in.ipynb"],
}
"""The three ways in which notebooks are run without a person; each reads in.ipynb and writes out.ipynb."""


async def execute_with(tool: str, sources: Sequence[str], directory: Path, environment: dict[str, str]) -> Finished:
    """Write a notebook of `sources` and run it with `tool`, as a person would from a terminal."""
    directory.mkdir(parents=True, exist_ok=True)
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec})
    nbformat.write(notebook, directory / "in.ipynb")
    command, *arguments = TOOLS[tool]
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / (command if command != "nbconvert" else "jupyter-nbconvert")),
        *arguments,
        cwd=directory,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(TOOL_SECONDS):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    out = directory / "out.ipynb"
    written = nbformat.read(out, as_version=4) if out.exists() else None
    assert process.returncode is not None
    return Finished(process.returncode, said.decode(errors="replace"), time.monotonic() - began, written)


async def model_is_asked(llmock: Any) -> None:
    """Wait until a request is with the model's server, and the kernel waits for the answer."""
    async with asyncio.timeout(10):
        while not llmock._server.state.journal.in_flight:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
