"""The browser tests' own JupyterLab keeps the machine's secrets out and lets the test's variables in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.conftest import find_chromium
from tests.browser.lab_server import isolated_environment
from tests.browser.notebook_page import NotebookPage

LOOK = "import os\nprint(os.environ.get('NBAGENTS_PROBE'), os.environ.get('OPENAI_API_KEY'), os.environ['HOME'])"


@pytest.fixture
def lab_env() -> dict[str, str]:
    return {"NBAGENTS_PROBE": "from the test"}


def test_the_environment_is_an_allow_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")
    monkeypatch.setenv("SOME_TOKEN", "planted")

    env = isolated_environment(tmp_path, {"EXTRA": "1"})

    assert "planted" not in str(env)
    assert env["EXTRA"] == "1"
    assert env["HOME"] == str(tmp_path / "home")


def test_the_kernel_sees_the_tests_variables_and_no_home(notebook: NotebookPage) -> None:
    notebook.open_notebook([LOOK])
    notebook.run_cell(0)

    assert notebook.cell_output_text(0) == f"from the test None {notebook.server.directory / 'home'}"


def test_a_missing_chromium_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("NBAGENTS_CHROMIUM", raising=False)

    with pytest.raises(RuntimeError, match=r"make chromium.*apt-get install chromium"):
        find_chromium()
