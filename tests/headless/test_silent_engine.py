"""A Docker Engine that takes connections and never answers: the kernel goes on, and says what is wrong."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.headless.conftest import PLANTED
from tests.headless.kernels import Headless

TICK = """
import asyncio

ticks = 0

async def tick():
    global ticks
    while True:
        await asyncio.sleep(0.01)
        ticks += 1

ticking = asyncio.get_running_loop().create_task(tick())
"""


@pytest.fixture(scope="module")
def silent_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("engine") / "docker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(100)
        yield path


@pytest.fixture(scope="module")
def planted(llmock_server: Any, silent_engine: Path) -> dict[str, str]:
    return {
        "OPENAI_BASE_URL": llmock_server.base_url("openai"),
        "DOCKER_HOST": f"unix://{silent_engine}",
        **PLANTED,
    }


@pytest.mark.parametrize("magic", ["%agents doctor", "%team run writer --code docker hi"])
async def test_the_loop_goes_on_while_the_engine_does_not_answer(headless: Headless, magic: str) -> None:
    await headless.runs(TICK)
    cell = await headless.run(f"ticks = 0\n{magic}")
    if "run" in magic:
        assert "no Docker Engine answers" in cell.one_line_error("SandboxUnavailable")
    else:
        assert "no Docker Engine answers" in cell.value
    assert await headless.value("ticks") >= 10
    await headless.runs("ticking.cancel()")
