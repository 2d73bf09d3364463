"""Engines that do not answer: what listens, takes connections, and says nothing."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nbagents.errors import SandboxUnavailable
from nbagents.executors import CodeExecutor, DockerCommandLineCodeExecutor, DockerKernelExecutor
from nbagents.executors.docker import engine


@pytest.fixture(params=["it takes none", "it takes many"])
def silent(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """As a daemon that was stopped, or whose disk is full, does: with a queue of connections that is full, or not."""
    path = str(tmp_path / "silent.sock")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as before:
        server.bind(path)
        server.listen(0 if request.param == "it takes none" else 50)
        if request.param == "it takes none":
            before.connect(path)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        monkeypatch.setattr(engine, "ANSWER_SECONDS", 0.5)
        yield


@pytest.mark.parametrize(
    "made", [lambda: DockerKernelExecutor(warm=False), DockerCommandLineCodeExecutor], ids=["kernel", "command line"]
)
async def test_a_start_is_not_held_up_by_an_engine_that_says_nothing(
    silent: None, made: Callable[[], CodeExecutor]
) -> None:
    executor = made()
    began = time.monotonic()
    why = "it did not answer within 0.5 s|it takes no more connections"
    with pytest.raises(SandboxUnavailable, match=f"no Docker Engine answers at .*: ({why})"):
        await executor.start()

    assert time.monotonic() - began < 3
    await executor.stop()
