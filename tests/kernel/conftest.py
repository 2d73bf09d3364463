"""Real kernels, one per test module and interpreter: that a kernel survives each test is part of what is tested."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.kernel.notebook import Notebook, interpreters

SET_UP = """
import asyncio, json, time
from nbagents.cancellation import CancellationToken
from nbagents.code import CodeBlock
from nbagents.kernel import *
cells, token = CellsInFlight.of(get_ipython()), CancellationToken()
live = LiveKernelExecutor()

async def block(code, *, executor=live, token=None, language="python"):
    return await executor.execute_code_blocks([CodeBlock(code=code, language=language)], token or CancellationToken())

async def shown(code, **options):
    print(json.dumps((await block(code, **options)).dump()))
"""


def _ipykernel_of(python: str) -> str:
    command = [python, "-c", "import ipykernel; print(ipykernel.__version__)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def pytest_generate_tests(metafunc: Any) -> None:
    if "notebook" in metafunc.fixturenames:
        pythons = interpreters()
        ids = [f"ipykernel-{_ipykernel_of(python)}" for python in pythons]
        metafunc.parametrize("notebook", pythons, ids=ids, indirect=True, scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def notebook(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Notebook]:
    """A notebook whose first cell imported what the tests use."""
    directory: Path = tmp_path_factory.mktemp("kernel")
    notebook = await Notebook.start(request.param, directory)
    try:
        await notebook.run(SET_UP)
        yield notebook
    finally:
        await notebook.stop()


@pytest.fixture
def thread_mode(notebook: Notebook, request: pytest.FixtureRequest) -> bool:
    """True where messages arrive even while the main thread is blocked: ipykernel 7.4 and newer."""
    return "ipykernel-7" in request.node.nodeid
