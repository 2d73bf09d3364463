"""Real kernels and a model that answers from a script.

* `headless`: a notebook in a kernel of its own per module and interpreter, in which nobody can be asked (nbclient).
* `interactive`: the same with somebody there who sees text and an input box, and no widgets.
* `llmock` (of the installed plugin) scripts the model: ``llmock.reply("a").reply("b")``.
* `in_all_kernels` marks the modules that run with every interpreter of NBAGENTS_TEST_KERNEL_PYTHONS.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import pytest_asyncio

from tests.browser.lab_server import isolated_environment
from tests.headless.kernels import Headless, kernel_spec
from tests.kernel.notebook import Notebook, interpreters

KEY = "sk-proj-" + "planted0123456789abcdefABCDEF_" * 3
PASSWORD = "planted-p4ssword-of-the-environment-which-is-longer-than-a-table's-column"
PLANTED = {
    "OPENAI_API_KEY": KEY,
    "DB_PASSWORD": PASSWORD,
    "DATABASE_URL": "postgres://me:planted-url-pw@db.example:5432/sales",
    "MY_SERVICE_TOKEN": 'planted "token" & <more>',
}
SECRETS = {**PLANTED, "DATABASE_URL": "planted-url-pw"}
"""What must never be seen, by the variable that holds it."""

AGENTS = [
    "%load_ext nbagents",
    "%%agent writer --model openai/scripted --code none\nYou write.",
    "%%agent coder --model openai/scripted --code live\nYou compute.",
    "%%team create pair\nagents: [coder, writer]\nstop: DONE\nmax_turns: 4",
]
"""The cells that most tests begin with."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "in_all_kernels: run with every interpreter of NBAGENTS_TEST_KERNEL_PYTHONS")


def pytest_generate_tests(metafunc: Any) -> None:
    if "python" not in metafunc.fixturenames:
        return
    everywhere = metafunc.definition.get_closest_marker("in_all_kernels") is not None
    pythons = interpreters() if everywhere else interpreters()[:1]
    ids = [Path(python).parent.parent.name.lstrip(".") for python in pythons]
    metafunc.parametrize("python", pythons, ids=ids, scope="module")


@pytest.fixture(scope="module")
def planted(llmock_server: Any) -> dict[str, str]:
    """What the environment has besides the allow-list; a module may override it."""
    return {"OPENAI_BASE_URL": llmock_server.base_url("openai"), **PLANTED}


@pytest.fixture(scope="module")
def environment(python: str, planted: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The whole environment of kernels and tools. It knows the kernel "python3", and no local model."""
    directory = tmp_path_factory.mktemp("jupyter")
    kernel_spec(python, directory)
    own = {"NBAGENTS_MODELS_DIR": str(directory / "no-models"), "MPLCONFIGDIR": str(directory)}
    return isolated_environment(directory, {**own, **planted})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def headless(
    python: str, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Headless]:
    """A notebook that nobody watches."""
    notebook = await Headless.start(python, tmp_path_factory.mktemp("headless"), environment)
    try:
        await notebook.runs(*AGENTS)
        yield notebook
    finally:
        await notebook.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def interactive(
    python: str, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Notebook]:
    """A notebook with a person in front of it."""
    with patch.dict(os.environ, environment, clear=True):
        notebook = await Notebook.start(python, tmp_path_factory.mktemp("interactive"))
    try:
        for cell in ["import asyncio, json", *AGENTS]:
            assert not (await notebook.run(cell)).errors
        yield notebook
    finally:
        await notebook.stop()
