"""The two ends of a container that runs commands, each alone: the stream as lines, and its main process."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbagents.executors.command_line import command_supervisor
from nbagents.executors.command_line.command_container import supervisor_text
from nbagents.executors.command_line.command_link import LONGEST_LINE, LineLink
from nbagents.executors.docker.frames import BadFrame


def piece(data: bytes, kind: int = 1) -> bytes:
    """As the engine passes on what a container writes: with its 8 bytes before it."""
    return struct.pack("!BxxxI", kind, len(data)) + data


@pytest.fixture
def ends() -> Iterator[tuple[LineLink, socket.socket]]:
    ours, theirs = socket.socketpair()
    link = LineLink(ours)
    yield link, theirs
    theirs.close()
    link.close()


def test_a_line_comes_whole_however_it_is_cut(ends: tuple[LineLink, socket.socket]) -> None:
    link, theirs = ends
    lines, sent = link.lines(), piece(b"on") + piece(b"e\ntwo\n")
    reading = threading.Thread(target=lambda: found.extend(lines))
    found: list[bytes] = []
    reading.start()
    for byte in sent:
        theirs.send(bytes([byte]))
        time.sleep(0.001)  # so that each is read alone
    theirs.close()
    reading.join(5)

    assert found == [b"one", b"two"]


def test_words_on_stderr_do_not_end_it(ends: tuple[LineLink, socket.socket]) -> None:
    link, theirs = ends
    lines = link.lines()
    theirs.sendall(piece(b"a warning", kind=2))
    theirs.sendall(piece(b"one\n"))

    assert next(lines) == b"one" and link.stderr == b"a warning"


def test_the_end_of_the_stream_is_no_error(ends: tuple[LineLink, socket.socket]) -> None:
    link, theirs = ends
    theirs.sendall(piece(b"one\nhalf a li"))
    theirs.close()

    assert list(link.lines()) == [b"one"]


def test_a_line_without_end_is_refused(ends: tuple[LineLink, socket.socket]) -> None:
    link, theirs = ends
    writing = threading.Thread(target=theirs.sendall, args=[piece(b"x" * (LONGEST_LINE + 70_000))])
    writing.start()
    with pytest.raises(BadFrame, match="a line of more than"):
        list(link.lines())
    link.end()
    writing.join(5)


class Supervisor:
    """The main process, started here instead of in a container."""

    def __init__(self, home: str) -> None:
        command = [sys.executable, "-I", "-c", supervisor_text()]
        environ = {**os.environ, "HOME": home}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ)
        assert self.process.stdin is not None and self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        assert "ready" in self.heard()

    def tell(self, *all_words: dict[str, Any]) -> None:
        self.stdin.write(b"".join(json.dumps(words).encode() + b"\n" for words in all_words))
        self.stdin.flush()

    def heard(self) -> dict[str, Any]:
        return dict(json.loads(self.stdout.readline()))

    def ended(self, number: int) -> dict[str, Any]:
        while (said := self.heard()).get("end") != number:
            pass
        return said

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


@pytest.fixture
def supervisor(tmp_path: Any) -> Iterator[Supervisor]:
    made = Supervisor(str(tmp_path))
    yield made
    made.stdin.close()
    made.process.wait(10)
    made.stdout.close()


def run(number: int, *command: str) -> dict[str, Any]:
    return {"run": number, "command": list(command), "cwd": "/", "env": {}, "timeout": 20}


def test_a_block_leaves_no_descriptor_open(supervisor: Supervisor) -> None:
    supervisor.tell(run(1, "true"))
    supervisor.ended(1)
    before = supervisor.descriptors()
    for number in range(2, 12):
        supervisor.tell(run(number, "true"))
        assert supervisor.ended(number)["code"] == 0

    assert supervisor.descriptors() <= before + 1  # a thread may not have closed its end yet


def test_what_a_block_wrote_before_its_end_is_all_sent_however_late_it_is_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[dict[str, Any]] = []
    monkeypatch.setattr(command_supervisor, "say", lambda **words: said.append(words))
    monkeypatch.setattr(command_supervisor, "TIME_FOR_THE_REST", 0)  # a machine so busy that it has passed already
    monkeypatch.setattr(command_supervisor, "PIECE", 100)
    block = command_supervisor.Block(1, {"timeout": 20})
    with subprocess.Popen(
        [sys.executable, "-c", "print('x' * 60_000)"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        child.wait(10)
        exited, told = os.pipe()
        os.close(told)
        block.forward_all(child, exited)

    assert b"".join(base64.b64decode(words["data"]) for words in said) == b"x" * 60_000 + b"\n"


def test_a_block_needs_no_thread_once_it_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Code that forks without end leaves none to be had."""
    said: list[dict[str, Any]] = []
    monkeypatch.setattr(command_supervisor, "say", lambda **words: said.append(words))
    begin = subprocess.Popen

    def no_thread(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    def forking(*command: Any, **how: Any) -> Any:
        child = begin(*command, **how)
        monkeypatch.setattr(threading.Thread, "start", no_thread)
        return child

    monkeypatch.setattr(command_supervisor.subprocess, "Popen", forking)
    command_supervisor.Block(1, {"command": ["true"], "cwd": str(tmp_path), "env": {}, "timeout": 5}).run()

    assert (said[-1]["why"], said[-1]["code"]) == ("exit", 0)


def test_a_block_that_is_killed_before_it_has_begun_does_not_run(supervisor: Supervisor) -> None:
    supervisor.tell(run(1, "sleep", "60"), {"kill": 1})

    assert supervisor.ended(1)["why"] == "killed"
