"""The attached stream of a container that runs commands, as lines; and one command that is under way there."""

from __future__ import annotations

import codecs
import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from typing import Any

from ..block_outputs import BlockOutputs
from ..docker.container_spec import ContainerOptions
from ..docker.frames import BadFrame
from ..docker.relay import Attached
from .command_line_executor import Ending

LONGEST_LINE = 256 * 1024


class Command:
    """One command under way: where its output goes, and how it ended. After its end nothing is added."""

    def __init__(self, outputs: BlockOutputs) -> None:
        self.outputs = outputs
        self.ended: Future[dict[str, Any]] = Future()
        self._decoders: dict[str, codecs.IncrementalDecoder] = {}
        # Its output comes in one thread, its end perhaps in another: that of the container's death.
        self._lock = threading.Lock()

    def take(self, stream: str, data: bytes) -> None:
        """Output, in the order in which it came."""
        with self._lock:
            if not self.ended.done():
                decoder = self._decoders.setdefault(stream, codecs.getincrementaldecoder("utf-8")("replace"))
                self.outputs.write(stream, decoder.decode(data))

    def end(self, how: dict[str, Any]) -> None:
        """It has ended; the first to say so is believed."""
        with self._lock:
            if not self.ended.done():
                for stream, decoder in self._decoders.items():
                    self.outputs.write(stream, decoder.decode(b"", final=True))
                self.ended.set_result(how)


def ending_of(ended: Mapping[str, Any], program: str, options: ContainerOptions) -> Ending:
    """How a block ended, of what `CommandContainer.run` gives."""
    why, code, text = ended["why"], int(ended["code"]), str(ended.get("text", ""))
    if text:
        # What the supervisor or the container's death says in words.
        if why == "start":
            return Ending(127, f"\n{program} cannot be started in the image {options.image}: {text}")
        return Ending(code, f"\nthe container ended: {text.replace('the kernel in the container', 'it')}")
    if why == "timeout":
        return Ending(124, "\n Timeout")
    if why == "killed":
        return Ending(1, "Code execution was cancelled.")
    if why == "oom":
        return Ending(137, f"\nout of memory: the container may use {options.memory}")
    return Ending(code)


class LineLink(Attached):
    """The attached stream, as lines. One thread reads, and lets go of it at the end; any may send."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._lock, self._closed = threading.Lock(), False

    def lines(self) -> Iterator[bytes]:
        """The lines that come, until the stream ends.

        Raises:
            BadFrame: one is too long to be one.
        """
        rest = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.readers(), selectors.EVENT_READ)
            while selector.select():
                try:
                    data = self.read()
                except EOFError:
                    return
                if not data:  # not yet, or a part of the engine's piece, or what went to stderr
                    continue
                *complete, rest = (rest + data).split(b"\n")
                if len(rest) > LONGEST_LINE:
                    raise BadFrame(f"a line of more than {LONGEST_LINE} bytes")
                yield from complete

    def send(self, line: bytes) -> None:
        """Write a line in one piece, if the other end takes it; its end is told where it is read."""
        left = memoryview(line)
        with self._lock, selectors.DefaultSelector() as selector:
            if self._closed:
                return
            selector.register(self.writers(), selectors.EVENT_WRITE)
            while left and selector.select(1.0):
                left = left[self.write(left) or 0 :]

    def end(self) -> None:
        """End the stream in both directions: `lines` ends."""
        with self._lock:
            if not self._closed:
                with contextlib.suppress(OSError):  # it has ended by itself
                    self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with self._lock:
            self._closed = True
        super().close()
