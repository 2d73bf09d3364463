"""The container's main process: starts the kernel, relays its sockets over stdin and stdout, and dies with its host.

It runs in the container from text that the host passes in, so an image needs no more than Python and ipykernel. The
kernel listens on unix sockets in the container's own tmpfs; there is no network and no shared directory. When stdin
ends, because the host's process died or let go, it exits, and with the container's main process everything in it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

from .frames import (
    CLOSE,
    FAILED,
    FROM_HOST,
    HEADER,
    HELLO,
    MAX_CONNECTIONS,
    OOM,
    OPEN,
    READY,
    SIGNAL,
    BadFrame,
    FrameReader,
    encode,
)
from .mux import Link, Mux, Stream

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
RETRY_SECONDS = 0.005
LAST_WORDS_SECONDS = 0.3
"""How long a kernel that exited may still have bytes in its sockets."""
SKELETON = "/opt/nbagents/home"
OOM_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")


class Pipes(Link):
    """stdin and stdout."""

    def __init__(self) -> None:
        os.set_blocking(0, False)
        os.set_blocking(1, False)

    def readers(self) -> int:
        return 0

    def writers(self) -> int:
        return 1

    def read(self) -> bytes | None:
        try:
            data = os.read(0, 65536)
        except BlockingIOError:
            return None
        if not data:
            raise EOFError
        return data

    def write(self, data: memoryview) -> int | None:
        try:
            return os.write(1, data)
        except BlockingIOError:
            return None
        except OSError:
            os._exit(0)  # nobody reads any more: the host is gone


class Supervisor(Mux):
    """Connects what the host opens to the kernel's sockets."""

    def __init__(self, kernel: subprocess.Popen[bytes], prefix: str) -> None:
        super().__init__(Pipes(), FROM_HOST)
        self.kernel = kernel
        self.prefix = prefix
        self.early: list[tuple[Stream, str]] = []  # opened before the kernel listened
        self.deadline: float | None = None  # set when the kernel has exited
        threading.Thread(target=self.wait_for_kernel, daemon=True).start()

    def wait_for_kernel(self) -> None:
        self.kernel.wait()
        self.call(self.kernel_exited)

    def kernel_exited(self) -> None:
        if self.kernel.returncode == -signal.SIGKILL and kills_for_memory():
            self.send(OOM)
        self.deadline = time.monotonic() + LAST_WORDS_SECONDS

    def pause(self) -> float | None:
        if self.deadline is not None:
            waiting = any(stream.connected for stream in self.streams.values()) or self.outgoing
            if not waiting or time.monotonic() >= self.deadline:
                self.finish()
            return 0.01
        self.early = [each for each in self.early if not self.connect(*each)]
        return RETRY_SECONDS if self.early else None

    def connect(self, stream: Stream, path: str) -> bool:
        try:
            stream.sock.connect(path)
        except OSError:
            return stream.number not in self.streams  # given up by the host
        stream.connected = True
        self.flush(stream)
        return True

    def take_other(self, kind: int, number: int, payload: bytes) -> None:
        if kind == OPEN and payload[0] < len(CHANNELS):
            if len(self.streams) >= 2 * MAX_CONNECTIONS:  # the host counts as well; some here may be closing still
                self.newest = max(self.newest, number)
                self.send(CLOSE, number)
                return
            stream = self.add(number, socket.socket(socket.AF_UNIX), connected=False)
            self.early.append((stream, f"{self.prefix}-{payload[0] + 1}"))
        elif kind == SIGNAL and payload[0] in SIGNALS:
            with contextlib.suppress(ProcessLookupError):  # it has just exited
                os.killpg(self.kernel.pid, payload[0])
        else:
            raise BadFrame(f"kind {kind}")


def kills_for_memory() -> int:
    """How many processes were killed in this container because its memory was used up."""
    for path in OOM_COUNTERS:
        with contextlib.suppress(OSError), open(path) as counters:
            for line in counters:
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
    return 0


def read_exactly(count: int) -> bytes:
    """From stdin, while it still blocks."""
    data = b""
    while len(data) < count:
        piece = os.read(0, count - len(data))
        if not piece:
            os._exit(0)
        data += piece
    return data


def hello() -> dict[str, Any]:
    """The host's first frame, and not a byte more: what follows is the relay's."""
    header = read_exactly(HEADER.size)
    payload = read_exactly(HEADER.unpack(header)[2])
    ((_, _, content),) = FrameReader(frozenset({HELLO})).feed(header + payload)
    return dict(json.loads(content))


def ignore(*_: Any) -> None:
    """For a signal that is meant for the kernel. A handler and not SIG_IGN, which the kernel would inherit."""


def fail(text: str) -> None:
    """Tell the host why there is no kernel, and end."""
    os.write(1, encode(FAILED, 0, text.encode()[:4096]))
    sys.exit(3)


def prepare_home(home: str) -> None:
    """A home in the tmpfs, with what the image wants in it: caches that take a second to make."""
    if os.path.isdir(SKELETON) and not os.path.exists(home):
        shutil.copytree(SKELETON, home)
    os.makedirs(home, mode=0o700, exist_ok=True)


def start_kernel(asked: dict[str, Any], directory: str) -> subprocess.Popen[bytes]:
    """Start ipykernel on unix sockets in `directory`; in a session of its own, so that signals reach its children."""
    connection = {"transport": "ipc", "ip": os.path.join(directory, "k"), "key": asked["key"]}
    connection["signature_scheme"] = asked["signature_scheme"]
    connection.update({channel + "_port": at for at, channel in enumerate(CHANNELS, 1)})
    path = os.path.join(directory, "connection.json")
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        json.dump(connection, file)
    command: list[str] = [sys.executable, "-m", "ipykernel_launcher", "-f", path]
    kernel = subprocess.Popen(
        [*command, "--HistoryManager.enabled=False", "--log-level=ERROR"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # only a banner goes there: the kernel sends what code prints as messages
        stderr=2,
        env={**os.environ, **asked["env"]},
        start_new_session=True,
    )
    # Where memory runs out it is the kernel that goes, not the one that tells. (Other runtimes may have no such file.)
    with contextlib.suppress(OSError), open(f"/proc/{kernel.pid}/oom_score_adj", "w") as file:
        file.write("1000")
    return kernel


def main() -> None:
    asked = hello()
    signal.signal(signal.SIGINT, ignore)
    if importlib.util.find_spec("ipykernel") is None:
        fail(f"it has no ipykernel (Python {sys.version.split()[0]})")
    prepare_home(os.environ["HOME"])
    directory = tempfile.mkdtemp(prefix="k")
    kernel = start_kernel(asked, directory)
    supervisor = Supervisor(kernel, os.path.join(directory, "k"))
    supervisor.send(READY)
    try:
        supervisor.run()
    except BadFrame:
        os._exit(4)
    code = kernel.poll()
    # Not sys.exit: children of the kernel may hold locks and pipes, and end with the container.
    os._exit(0 if code is None else 128 - code if code < 0 else code)
