"""The frames that go over a container's stdin and stdout, and what is not one.

A frame is kind, connection number and length, then the payload. Both ends run this file, the one in the container as
text that was passed in, so it imports only the standard library, and runs on Python 3.9. Code in a sandbox can write to
its supervisor's stdout, so nothing that arrives is believed: a kind that this end does not take, or a length that the
kind does not have, ends the relay.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

HEADER = struct.Struct("!BII")
MAX_DATA = 64 * 1024
WINDOW = 1024 * 1024
"""Bytes that one connection may have under way in one direction before the receiver says that it took some."""
MAX_CONNECTIONS = 64

HELLO, READY, OPEN, DATA, TAKEN, CLOSE, SIGNAL, FAILED, OOM = range(1, 10)
# The shortest and the longest payload of each kind.
LENGTHS: dict[int, tuple[int, int]] = {
    HELLO: (2, MAX_DATA),  # host: JSON: the kernel's connection, environment, resources
    READY: (0, 0),  # container: the kernel's process has been started
    OPEN: (1, 1),  # host: a client has connected to this channel
    DATA: (1, MAX_DATA),
    TAKEN: (4, 4),  # so many bytes of this connection were passed on: as many more may be sent
    CLOSE: (0, 0),
    SIGNAL: (1, 1),  # host: for the kernel and its children
    FAILED: (1, 4096),  # container: why there is no kernel, in words
    OOM: (0, 0),  # container: the kernel was killed because memory ran out
}
FROM_HOST = frozenset({HELLO, OPEN, DATA, TAKEN, CLOSE, SIGNAL})
FROM_CONTAINER = frozenset({READY, DATA, TAKEN, CLOSE, FAILED, OOM})


class BadFrame(ValueError):
    """What arrived is no frame, or none that may arrive here."""


def encode(kind: int, number: int = 0, payload: bytes = b"") -> bytes:
    """A frame, in one piece for one write."""
    return HEADER.pack(kind, number, len(payload)) + payload


class FrameReader:
    """Cuts a stream of bytes into frames; holds at most one frame that is not complete.

    Args:
        kinds: those that may arrive.
    """

    def __init__(self, kinds: frozenset[int]) -> None:
        self.kinds = kinds
        self.rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """The frames that are complete now.

        Raises:
            BadFrame: before anything of a bad frame is kept.
        """
        data = self.rest + data if self.rest else data
        at, size = 0, HEADER.size
        while len(data) - at >= size:
            kind, number, length = HEADER.unpack_from(data, at)
            if kind not in self.kinds:
                raise BadFrame(f"a frame of kind {kind}")
            shortest, longest = LENGTHS[kind]
            if not shortest <= length <= longest:
                raise BadFrame(f"a frame of kind {kind} with {length} bytes")
            end = at + size + length
            if end > len(data):
                break
            yield kind, number, data[at + size : end]
            at = end
        self.rest = data[at:]
