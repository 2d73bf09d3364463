"""A real Docker Engine for the tests in this folder: an own one, started and stopped here.

`NBAGENTS_TEST_DOCKER_HOST` names an engine that runs already and has the sandbox image. With `NBAGENTS_DOCKER_DIR` the
own engine lies in that directory, and one that runs there is used and left running.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nbagents.executors.docker import ContainerOptions, ReadyKernel, start_kernel

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "docker-engine"


@dataclass(frozen=True)
class Engine:
    """The engine under test; `directory` is None when it is somebody else's, and must not be stopped."""

    host: str
    directory: Path | None

    def script(self, verb: str) -> None:
        """`scripts/docker-engine up` or `down` for it; fails with what it says."""
        assert self.directory is not None
        done = subprocess.run(
            [SCRIPT, verb],
            env={
                **os.environ,
                "NBAGENTS_DOCKER_DIR": str(self.directory),
                "PYTHON": sys.executable,
                "PYTHONPATH": str(ROOT),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        if done.returncode:
            pytest.exit(f"scripts/docker-engine {verb} failed, and these tests need a Docker Engine:\n{done.stdout}", 3)


@pytest.fixture(scope="module")
def own_engine(engine: Engine) -> Iterator[Engine]:
    """An engine that may be stopped; one is started where the others' may not be."""
    if engine.directory is not None:
        yield engine
        return
    patch = pytest.MonkeyPatch()
    yield from started(Path(tempfile.mkdtemp(prefix="nbd-", dir="/tmp")), patch)


@pytest.fixture(scope="session", autouse=True)
def engine() -> Iterator[Engine]:
    given = os.environ.get("NBAGENTS_TEST_DOCKER_HOST")
    patch = pytest.MonkeyPatch()
    patch.delenv("DOCKER_CONTEXT", raising=False)
    if given:
        patch.setenv("DOCKER_HOST", given)
        yield Engine(given, None)
        patch.undo()
        return
    kept = os.environ.get("NBAGENTS_DOCKER_DIR")
    yield from started(Path(kept or tempfile.mkdtemp(prefix="nbd-", dir="/tmp")), patch)  # short: sockets' paths are


def started(directory: Path, patch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine in `directory` for as long as it is needed; one that ran there before is left running."""
    found = Engine(f"unix://{directory}/docker.sock", directory)
    ran_before = (directory / "dockerd.pid").exists()
    try:
        found.script("up")
        patch.setenv("DOCKER_HOST", found.host)
        yield found
    finally:
        patch.undo()
        if not ran_before:
            found.script("down")
            shutil.rmtree(directory, ignore_errors=True)


def soon(condition: Callable[[], bool], within: float = 5.0) -> bool:
    """Whether it comes true; for what the engine does after it has said that a container died, in its own time."""
    deadline = time.monotonic() + within
    while not (true := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return true


@pytest.fixture
async def kernel() -> AsyncIterator[ReadyKernel]:
    """A kernel in a container of its own, with a small memory limit."""
    ready = await start_kernel(ContainerOptions(memory="256m"))
    yield ready
    await ready.close()
