"""The host's end: five unix sockets for the kernel's clients, relayed over the container's attached stdin and stdout.

The sockets lie in a directory that only this user can enter. Ports on 127.0.0.1 would be open to every user of the
machine, and Jupyter's messages are signed but neither encrypted nor is a subscriber asked for the key. One thread per
kernel, which owns everything here; the engine adds 8 bytes to each piece of the container's output, taken off here.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import ssl
import struct
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from .frames import (
    FAILED,
    FROM_CONTAINER,
    HELLO,
    MAX_CONNECTIONS,
    MAX_DATA,
    OOM,
    OPEN,
    READY,
    SIGNAL,
    BadFrame,
    encode,
)
from .mux import READ, Link, Mux

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
LAST_WORDS = 4096
"""Bytes of the container's stderr that are kept."""
_PIECE = struct.Struct("!BxxxI")
_STDOUT, _STDERR = 1, 2
_MAX_PIECE = 16 * 1024 * 1024
_log = logging.getLogger(__name__)


class Attached(Link):
    """The stream that the engine gives for `attach`: stdin to write, stdout and stderr to read, in pieces.

    Args:
        stream: what the SDK's `attach_socket` returned.
    """

    def __init__(self, stream: Any) -> None:
        self.stream = stream  # owns the socket
        self.sock: socket.socket = getattr(stream, "_sock", stream)
        self.sock.setblocking(False)
        self.writer = os.dup(self.sock.fileno())  # a selector takes each descriptor once
        self.rest = b""
        self.stderr = b""
        _open.add(self)

    def readers(self) -> int:
        return self.sock.fileno()

    def writers(self) -> int:
        return self.writer

    def read(self) -> bytes | None:
        try:
            data = self.sock.recv(MAX_DATA)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except OSError:
            raise EOFError from None
        if not data:
            raise EOFError
        return self.stdout_of(data)

    def stdout_of(self, data: bytes) -> bytes:
        """Takes the engine's pieces apart; stderr is kept for the last words."""
        data = self.rest + data if self.rest else data
        at, output = 0, []
        while len(data) - at >= _PIECE.size:
            kind, length = _PIECE.unpack_from(data, at)
            if kind not in (_STDOUT, _STDERR) or length > _MAX_PIECE:
                raise BadFrame(f"a piece of kind {kind} with {length} bytes in the engine's stream")
            start = at + _PIECE.size
            if start + length > len(data):
                break
            piece = data[start : start + length]
            if kind == _STDOUT:
                output.append(piece)
            else:
                self.stderr = (self.stderr + piece)[-LAST_WORDS:]
            at = start + length
        self.rest = data[at:]
        return output[0] if len(output) == 1 else b"".join(output)

    def write(self, data: memoryview) -> int | None:
        try:
            return self.sock.send(data)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except OSError:
            return len(data)  # the reading half ends too, and says so

    def close(self) -> None:
        """Let go of the container: its stdin ends, and it with it."""
        _open.discard(self)
        os.close(self.writer)
        with contextlib.suppress(OSError):  # it has ended by itself
            self.sock.shutdown(socket.SHUT_RDWR)
        # Closed from the outside in: else the SDK's response complains when it is collected.
        if (response := getattr(self.stream, "_response", None)) is not None:
            response.close()
        self.stream.close()
        self.sock.close()

    def leave_to_parent(self) -> None:
        """In a forked child: let go of its copies, and of nothing that is the parent's."""
        os.close(self.writer)
        os.close(self.sock.detach())


_open: weakref.WeakSet[Attached] = weakref.WeakSet()


def _forget() -> None:
    """In a forked child, which would keep containers alive whose process has ended, as workers of a pool may."""
    for attached in list(_open):
        attached.leave_to_parent()
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


class Relay(Mux):
    """Serves the kernel's channels in `directory` until the container or `close` ends it.

    Args:
        link: the attached stream.
        directory: where the sockets are made; nobody else may enter it.
        hello: what the supervisor is told: key, signature_scheme, env.
        on_end: called in the relay's thread when it has ended, for whatever reason.
    """

    def __init__(
        self, link: Attached, directory: Path, hello: dict[str, Any], on_end: Callable[[], object] = lambda: None
    ) -> None:
        super().__init__(link, FROM_CONTAINER)
        self.attached = link
        self.on_end = on_end
        self.prefix = directory / "k"
        self.started: Future[str] = Future()
        """Resolved with "" when the kernel's process runs, or with the reason why it does not."""
        self.problem = ""
        self.out_of_memory = False
        self._all_heard = threading.Event()
        self.listeners = [self.listen(channel) for channel in range(len(CHANNELS))]
        message = encode(HELLO, 0, json.dumps(hello).encode())
        self.call(lambda: self.greet(message))
        self.thread = threading.Thread(target=self.serve, name="nbagents-relay", daemon=True)

    def listen(self, channel: int) -> socket.socket:
        path = f"{self.prefix}-{channel + 1}"
        Path(path).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.setblocking(False)
        listener.bind(path)
        listener.listen(MAX_CONNECTIONS)
        self.selector.register(listener, READ, lambda mask: self.accept(listener, channel))
        return listener

    def connection_info(self) -> dict[str, Any]:
        """Where clients find the channels, as in a connection file, without the key."""
        ports = {f"{channel}_port": number for number, channel in enumerate(CHANNELS, 1)}
        return {"transport": "ipc", "ip": str(self.prefix), **ports}

    def start(self) -> None:
        self.thread.start()

    def signal(self, number: int) -> None:
        """Send a signal to the kernel and its children; from any thread."""
        self.call(lambda: self.send(SIGNAL, 0, bytes([number])))

    def close(self) -> None:
        """End; from any thread. The container dies of it."""
        self.call(self.finish)
        if self.thread.is_alive():
            self.thread.join(2)

    def ran_out_of_memory(self, seconds: float) -> bool:
        """Whether the container has said so by its end, which is waited for so many seconds; from any thread."""
        self._all_heard.wait(seconds)
        return self.out_of_memory

    def last_words(self) -> str:
        """The end of what the container wrote to stderr, without control characters; it is not to be trusted."""
        text = self.attached.stderr.decode(errors="replace").strip()
        return "".join(c for c in text if c.isprintable() or c == "\n")[-1000:]

    # In the relay's thread ---------------------------------------------------------------------------------

    def serve(self) -> None:
        try:
            self.run()
        except BadFrame as error:
            self.problem = f"the container broke the relay's protocol: {error}"
            _log.warning("%s", self.problem)
        except Exception as error:  # a thread's exception would be lost, and clients would wait for ever
            self.problem = f"the relay failed: {error}"
            _log.exception("the relay to a container failed")
        finally:
            for listener in self.listeners:
                listener.close()
            self.attached.close()
            self._all_heard.set()
            if not self.started.done():
                self.started.set_result(self.problem or "it ended before the kernel started")
            self.on_end()

    def greet(self, message: bytes) -> None:
        self.outgoing.append(memoryview(message))
        self.outgoing_bytes += len(message)
        self.link_writable(READ)

    def accept(self, listener: socket.socket, channel: int) -> None:
        try:
            sock, _ = listener.accept()
        except OSError:
            return  # the client has gone again
        if len(self.streams) >= MAX_CONNECTIONS:
            sock.close()
            return
        number = self.newest + 1
        self.send(OPEN, number, bytes([channel]))
        self.add(number, sock)

    def take_other(self, kind: int, number: int, payload: bytes) -> None:
        if kind == OOM:
            self.out_of_memory = True
            return
        if self.started.done():
            raise BadFrame(f"a second frame of kind {kind}")
        if kind == READY:
            self.started.set_result("")
        elif kind == FAILED:
            text = payload.decode(errors="replace")
            self.started.set_result("".join(c for c in text if c.isprintable()))
