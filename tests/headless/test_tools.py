"""Whole notebooks, run from a terminal: nbconvert, papermill and jupyter execute."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.headless.conftest import AGENTS, SECRETS
from tests.headless.kernels import TOOLS, WIDGET_MIME, execute_with
from tests.headless.secrets_search import leaks

pytestmark = pytest.mark.asyncio(loop_scope="module")

BLOCK = "```python\nimport os\nprint('the environment:', dict(os.environ))\n```"


@pytest.mark.parametrize("tool", TOOLS)
async def test_a_notebook_runs_to_its_end(tool: str, environment: dict[str, str], tmp_path: Path, llmock: Any) -> None:
    llmock.reply(BLOCK).reply("It is 42.").reply("DONE")
    cells = [*AGENTS, "%%team run pair --as result --approve always\nWhat is {6} * 7?", "print(result.answer)"]
    finished = await execute_with(tool, cells, tmp_path, environment)
    assert finished.status == 0, finished.said
    [block] = finished.outputs(len(AGENTS)).displays
    assert block.keys() == {"text/html", "text/markdown", "text/plain"}
    assert finished.outputs(-1).text == "It is 42.\n"
    assert finished.notebook is not None
    assert "widgets" not in finished.notebook["metadata"] and WIDGET_MIME not in str(finished.notebook)
    assert leaks([finished.notebook, finished.said], SECRETS) == []
    assert (tmp_path / ".nbagents" / "notebook" / "result.jsonl").exists()


async def test_a_question_fails_the_notebook(environment: dict[str, str], tmp_path: Path, llmock: Any) -> None:
    llmock.reply(BLOCK, times=len(TOOLS))
    cells = [*AGENTS, "%%team run pair --as result\nCompute it.", "open('after', 'w')"]
    runs = [execute_with(tool, cells, tmp_path / tool, environment) for tool in TOOLS]
    for tool, finished in zip(TOOLS, await asyncio.gather(*runs), strict=True):
        assert finished.status != 0, tool
        assert "HumanInputUnavailable: approve block 1 of coder" in finished.said
        assert "run it with --approve always" in finished.said
        assert finished.seconds < 30
        assert not (tmp_path / tool / "after").exists()
