"""The main process of a container that runs commands: starts them, tells what they write, ends them with all their own.

It runs inside the container, from text that is passed in, so an image needs no more than Python (3.9 or newer), and
this file imports only the standard library. Both ways go lines of JSON: commands come over stdin, output and endings
leave over stdout. When stdin ends, because the host's process let go or died, it exits, and with it all that runs here.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from typing import Any

MARK = "IN_NBAGENTS_BLOCK"
PIECE = 32 * 1024
LARGEST_PIPE = 1024 * 1024
"""Bytes that a pipe may hold, on Linux without privileges."""
FORWARDED = 1024 * 1024
"""Bytes of a block's output that are sent as they come; of what follows only the end is."""
TAIL = 256 * 1024
TIME_FOR_THE_REST = 0.2
ROUNDS = 20
PR_SET_DUMPABLE = 4
OOM_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")

_saying = threading.Lock()


def say(**words: Any) -> None:
    """Send one line to the host, and wait until it is taken: that is what slows a block that writes too much."""
    line = memoryview(json.dumps(words).encode() + b"\n")
    with _saying:
        while line:
            line = line[os.write(1, line) :]


def kills_for_memory() -> int:
    """How many processes the kernel has killed in this container because its memory was used up."""
    for path in OOM_COUNTERS:
        with contextlib.suppress(OSError), open(path) as counters:
            for line in counters:
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
    return 0


class Block:
    """One command, in a thread of its own."""

    def __init__(self, number: int, asked: dict[str, Any]) -> None:
        self.number = number
        self.asked = asked
        self.mark = f"{number}/"
        self.child: subprocess.Popen[bytes] | None = None
        self.why = "exit"
        self.sent = self.dropped = self.kept = 0
        self.tail: deque[tuple[str, bytes]] = deque()
        self.begun, self.ended = threading.Event(), threading.Event()

    def run(self) -> None:
        before = kills_for_memory()
        exited, told = os.pipe()
        # Before it begins: code that forks without end leaves no thread to be had.
        threading.Thread(target=self.tell_exit, args=[told], daemon=True).start()
        command = [sys.executable if word == "python" else word for word in self.asked["command"]]
        environ = {**os.environ, **self.asked["env"], MARK: self.mark}
        try:
            self.child = subprocess.Popen(
                command,
                cwd=self.asked["cwd"],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            os.close(exited)
            self.ended.set()
            say(end=self.number, why="start", code=127, text=str(error))
            return
        finally:
            self.begun.set()
        # Where memory runs out it is the block that goes, not the one that tells. (Some runtimes have no such file.)
        with contextlib.suppress(OSError), open(f"/proc/{self.child.pid}/oom_score_adj", "w") as file:
            file.write("1000")
        if self.why != "exit":  # it was to end before it began
            self.end(self.why)
        self.forward_all(self.child, exited)
        code = self.child.wait()
        if self.why == "exit" and code == -signal.SIGKILL and kills_for_memory() > before:
            self.why = "oom"
        self.send_tail()
        self.ended.set()
        say(end=self.number, why=self.why, code=128 - code if code < 0 else code)

    def tell_exit(self, told: int) -> None:
        """Close the pipe when the command has ended."""
        self.begun.wait()
        if self.child is not None:
            self.child.wait()
        os.close(told)

    def forward_all(self, child: subprocess.Popen[bytes], exited: int) -> None:
        """Send what it writes, until it has ended and what it left running keeps silent, or its time is over."""
        assert child.stdout is not None and child.stderr is not None
        deadline = time.monotonic() + self.asked["timeout"]
        with selectors.DefaultSelector() as selector:
            for fd, name in ((child.stdout.fileno(), "stdout"), (child.stderr.fileno(), "stderr"), (exited, "")):
                selector.register(fd, selectors.EVENT_READ, name)
            while selector.get_map():
                left = deadline - time.monotonic()
                if left <= 0 and child.returncode is None:
                    self.end("timeout")
                    deadline = time.monotonic() + TIME_FOR_THE_REST
                elif left <= 0:
                    self.take_the_rest(selector)
                    break
                for key, _ in selector.select(max(left, 0)):
                    data = os.read(key.fd, PIECE)
                    if key.data and data:
                        self.take(key.data, data)
                    elif key.data:
                        selector.unregister(key.fd)
                    else:
                        selector.unregister(exited)
                        deadline = min(deadline, time.monotonic() + TIME_FOR_THE_REST)
        os.close(exited)
        child.stdout.close()
        child.stderr.close()

    def take_the_rest(self, selector: selectors.BaseSelector) -> None:
        """What lies in the pipes already: on a busy machine the time for it may pass between two looks."""
        for key in list(selector.get_map().values()):
            os.set_blocking(key.fd, False)
            with contextlib.suppress(BlockingIOError):
                for _ in range(LARGEST_PIPE // PIECE):  # what still runs there may write without end
                    if key.data and (data := os.read(key.fd, PIECE)):
                        self.take(key.data, data)

    def take(self, stream: str, data: bytes) -> None:
        if self.sent < FORWARDED:
            self.sent += len(data)
            say(out=self.number, stream=stream, data=base64.b64encode(data).decode())
            return
        self.tail.append((stream, data))
        self.kept += len(data)
        while self.kept > TAIL:
            _, oldest = self.tail.popleft()
            self.kept -= len(oldest)
            self.dropped += len(oldest)

    def send_tail(self) -> None:
        if self.dropped:
            say(dropped=self.number, bytes=self.dropped)
        for stream, data in self.tail:
            say(out=self.number, stream=stream, data=base64.b64encode(data).decode())

    def end(self, why: str) -> None:
        """Kill it with all that it started, also what left its session or lost its parent."""
        self.why = why
        for _ in range(ROUNDS):
            found = list(self.processes())
            if not found:
                return
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def processes(self) -> list[int]:
        """Those that have its mark in their environment, or are in its session."""
        found = []
        session = self.child.pid if self.child is not None else -1
        wanted = f"{MARK}={self.mark}".encode()
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError, IndexError):
                with open(f"/proc/{name}/stat") as file:
                    state, _, _, sid = file.read().rpartition(")")[2].split()[:4]
                with open(f"/proc/{name}/environ", "rb") as file:
                    marked = wanted in file.read().split(b"\0")
                if state not in "ZX" and (marked or int(sid) == session):
                    found.append(int(name))
        return found


def main() -> None:
    stay = "stay" in sys.argv
    # Code of the same user could else write to our stdout, in /proc.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    os.makedirs(os.environ["HOME"], mode=0o700, exist_ok=True)
    say(ready=sys.version.split()[0])
    blocks: dict[int, Block] = {}
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        if "run" in asked:
            block = blocks[asked["run"]] = Block(asked["run"], asked)
            threading.Thread(target=block.run, daemon=True).start()
        elif asked["kill"] in blocks:
            end = blocks[asked["kill"]].end
            try:
                threading.Thread(target=end, args=["killed"], daemon=True).start()
            except RuntimeError:  # it has forked until there was no thread left
                end("killed")
        blocks = {number: block for number, block in blocks.items() if not block.ended.is_set()}
    while stay:
        signal.pause()
    os._exit(0)


if __name__ == "__main__":
    main()
