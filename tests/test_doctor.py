"""The report of what is there: quick whatever hangs, in words and for programs."""

from __future__ import annotations

import gc
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbagents import doctor
from nbagents.cli import main
from nbagents.doctor import CHECK_NAMES, Check, examined
from nbagents.executors.docker import engine
from nbagents.magics.agent_magic import show_agents
from nbagents.magics.session import Session
from nbagents.magics.settings import NBAgents

# Docker's SDK lets go of a socket without closing it when an engine does not answer.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True, scope="module")
def _sockets_of_the_sdk() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 'no.sock'}")
    monkeypatch.setenv("NBAGENTS_MODELS_DIR", str(tmp_path))
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AZURE_OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def silent_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Takes connections and says nothing, as an engine whose disk is full does."""
    path = tmp_path / "silent.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(8)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        yield


@pytest.fixture
def half_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Says who it is, and then no more."""
    path = tmp_path / "half.sock"
    info = json.dumps({"ServerVersion": "20.10.24", "SecurityOptions": ["name=rootless"], "Runtimes": {"runc": {}}})

    def answer(connection: socket.socket) -> None:
        with connection:
            while asked := connection.recv(65536):
                body = "OK" if b"/_ping" in asked else info if b"/info" in asked else None
                if body is None:
                    closed.wait()
                    return
                head = f"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: {len(body)}\r\n\r\n"
                connection.sendall((head + body).encode())

    def serve() -> None:
        while not closed.is_set():
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    closed = threading.Event()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(8)
        threading.Thread(target=serve, daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        yield
        closed.set()
        server.shutdown(socket.SHUT_RDWR)


def found() -> dict[str, Check]:
    return {check.name: check for check in examined()}


def test_everything_is_looked_at_and_what_is_missing_says_how_to_get_it() -> None:
    checks = examined()
    assert tuple(check.name for check in checks) == CHECK_NAMES
    by_name = found()
    assert by_name["ipykernel"].ok
    assert not by_name["docker"].ok
    assert "no Docker Engine answers at unix://" in by_name["docker"].found
    assert "DOCKER_HOST" in by_name["docker"].found
    assert not by_name["local-models"].ok
    assert "nbagents model get" in by_name["local-models"].advice
    assert "%agents key PROVIDER" in by_name["keys"].advice


def test_keys_are_named_and_not_read_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")
    checks = examined()
    assert "openai (environment variable OPENAI_API_KEY)" in "\n".join(map(str, checks))
    assert "planted" not in json.dumps([check.as_json() for check in checks])


@pytest.mark.parametrize("version", ["7.2.0", "6.28.1", ""])
def test_an_ipykernel_that_cannot_be_used_is_missing(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(doctor, "_version", lambda package: version)
    check = found()["ipykernel"]
    assert not check.ok
    assert check.advice == 'pip install "ipykernel>=7.4"'


def test_an_engine_that_hangs_does_not_hang_the_doctor(silent_engine: None) -> None:
    began = time.monotonic()
    docker = found()["docker"]
    assert time.monotonic() - began < 2
    assert not docker.ok


def test_an_engine_that_hangs_later_does_not_hang_the_doctor(half_engine: None) -> None:
    began = time.monotonic()
    checks = found()
    assert time.monotonic() - began < 2
    assert str(checks["docker"]).startswith("ok       docker       20.10.24 at unix://")
    assert "rootless" in checks["docker"].found
    assert checks["image"].found == checks["sandboxes"].found == "the engine did not answer"


def test_the_command_reports_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == list(CHECK_NAMES)
    assert {line.split()[0] for line in lines} <= {"ok", "missing"}


def test_one_check_decides_the_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--check", "docker"]) == 1
    assert main(["doctor", "--check", "ipykernel"]) == 0
    assert main(["doctor", "--check", "dockr"]) == 1
    assert "did you mean 'docker'" in capsys.readouterr().err


def test_json_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "--check", "kernels"]) == 0
    [check] = json.loads(capsys.readouterr().out)
    assert check["name"] == "kernels"
    assert check["facts"]["kernelspecs"]


@pytest.mark.filterwarnings("error")
def test_an_engine_that_goes_away_between_two_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "probe", lambda timeout: engine.EngineReport("unix:///none.sock", "a test", "29"))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    checks = {check.name: check for check in doctor._docker()}

    assert checks["docker"].ok
    assert checks["image"].found == checks["sandboxes"].found == "the engine did not answer"


def test_the_whole_command_is_quick(silent_engine: None) -> None:
    """In a process of its own, as a person runs it: Python's start and all imports included."""
    began = time.monotonic()
    run = [sys.executable, "-m", "nbagents", "doctor"]
    subprocess.run(run, check=True, capture_output=True, env={**os.environ}, timeout=30)
    assert time.monotonic() - began < 5  # two seconds on a machine that does nothing else


def test_the_notebook_shows_a_table() -> None:
    table: Any = show_agents(Session(), NBAgents(), "doctor")
    assert [row[1] for row in table.rows] == list(CHECK_NAMES)
    assert "<table>" in table._repr_mimebundle_()["text/html"]


def test_a_file_of_keys_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".env").write_bytes(b"OPENAI_API_KEY=\xff")
    for variables in doctor.VARIABLES.values():
        for variable in variables:
            monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    check = next(check for check in examined() if check.name == "keys")
    assert not check.ok and ".env cannot be read" in check.found
