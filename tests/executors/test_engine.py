"""Engines that do not answer: what listens, takes connections, and says nothing. And engines that nobody can find."""

from __future__ import annotations

import json
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


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"DOCKER_HOST": "tcp://127.0.0.1:1", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/none"}, "certificate"),
        ({"DOCKER_CONTEXT": "unheard-of"}, "context 'unheard-of' does not exist"),
        ({}, "context 'deleted' does not exist"),
    ],
)
def test_what_is_configured_wrong_is_said(
    environ: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "deleted"}))
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"DOCKER_CONFIG": str(tmp_path), **environ}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SandboxUnavailable, match=said):
        engine.connect()
    assert said in engine.probe().why_not
