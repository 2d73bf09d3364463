"""Many connections over one pair of pipes: a selector loop in one thread, the same at both ends.

Memory is bounded by back-pressure: an end sends at most `WINDOW` bytes of a connection that the other end has not yet
passed on, and reads no more from a socket whose window is used up. So a client that does not read stops only its own
connection: the kernel's heartbeat and interrupts go on, and the link itself is always read. An end that sends more than
its window is an attacker, and the relay ends.

This file runs in the container too; see `frames`.
"""

from __future__ import annotations

import selectors
import socket
import struct
from collections import deque
from collections.abc import Callable

from .frames import CLOSE, DATA, MAX_DATA, TAKEN, WINDOW, BadFrame, FrameReader, encode

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
LINK_HIGH = 1024 * 1024
"""Bytes that wait to be written to the link before sockets are read no further."""
READS_PER_TURN = 16
"""A link that never stops must not keep the loop from what else there is to do."""
_COUNT = struct.Struct("!I")


class Link:
    """The two pipes to the other end, not blocking.

    `read` and `write` return None where they would block; `read` raises EOFError at the end, and may return b"".
    """

    def readers(self) -> int:
        raise NotImplementedError

    def writers(self) -> int:
        raise NotImplementedError

    def read(self) -> bytes | None:
        raise NotImplementedError

    def write(self, data: memoryview) -> int | None:
        raise NotImplementedError


class Stream:
    """One connection: a local socket, what waits to be written to it, and the two windows."""

    def __init__(self, number: int, sock: socket.socket, connected: bool) -> None:
        self.number = number
        self.sock = sock
        self.connected = connected
        self.waiting: deque[memoryview] = deque()
        self.may_send = WINDOW
        self.not_told = 0  # bytes passed on that the other end does not know of yet
        self.under_way = 0  # bytes that the other end has sent and was not told the fate of
        self.armed = 0
        self.closing = False


class Mux:
    """Moves bytes between sockets and the link until the link ends or `finish` is called."""

    def __init__(self, link: Link, kinds: frozenset[int]) -> None:
        self.link = link
        self.reader = FrameReader(kinds)
        self.streams: dict[int, Stream] = {}
        self.newest = 0  # a number above it cannot be one that was closed a moment ago
        self.selector = selectors.DefaultSelector()
        self.outgoing: deque[memoryview] = deque()
        self.outgoing_bytes = 0
        self.link_armed = False
        self.done = False
        self.calls: deque[Callable[[], object]] = deque()
        self.wake_read, self.wake_write = socket.socketpair()
        self.wake_read.setblocking(False)
        self.wake_write.setblocking(False)

    # The loop ----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until done. The thread that calls this owns everything but `call`."""
        self.selector.register(self.link.readers(), READ, self.link_readable)
        self.selector.register(self.wake_read, READ, self.woken)
        try:
            while not self.done:
                for key, mask in self.selector.select(self.pause()):
                    if not self.done:
                        key.data(mask)
        finally:
            self.close_all()

    def pause(self) -> float | None:
        """Seconds after which the loop turns even if nothing happens; asked before each turn."""
        return None

    def call(self, action: Callable[[], object]) -> None:
        """Have the loop's thread do something; from any thread."""
        self.calls.append(action)
        try:
            self.wake_write.send(b"\0")
        except OSError:
            return  # full: it is awake. Closed: the loop has ended

    def woken(self, mask: int) -> None:
        self.wake_read.recv(4096)
        while self.calls:
            self.calls.popleft()()

    def finish(self) -> None:
        self.done = True

    def close_all(self) -> None:
        for stream in list(self.streams.values()):
            self.drop(stream)
        self.selector.close()
        self.wake_read.close()
        self.wake_write.close()

    # The link ----------------------------------------------------------------------------------------------

    def link_readable(self, mask: int) -> None:
        for _ in range(READS_PER_TURN):
            try:
                data = self.link.read()
            except EOFError:
                self.done = True
                return
            if data is None:
                return
            for kind, number, payload in self.reader.feed(data):
                self.take(kind, number, payload)
        # There may be more inside the link, as under TLS, where the selector does not see it.
        self.call(lambda: self.link_readable(READ))

    def send(self, kind: int, number: int = 0, payload: bytes = b"") -> None:
        """Write a frame to the link, now if it takes it."""
        frame = memoryview(encode(kind, number, payload))
        self.outgoing_bytes += len(frame)
        self.outgoing.append(frame)
        if not self.link_armed:
            self.link_writable(WRITE)

    def link_writable(self, mask: int) -> None:
        was_full = self.outgoing_bytes >= LINK_HIGH
        while self.outgoing:
            written = self.link.write(self.outgoing[0])
            if written is None:
                break
            self.outgoing_bytes -= written
            if written == len(self.outgoing[0]):
                self.outgoing.popleft()
            else:
                self.outgoing[0] = self.outgoing[0][written:]
        blocked = bool(self.outgoing)
        if blocked != self.link_armed:
            self.link_armed = blocked
            if blocked:
                self.selector.register(self.link.writers(), WRITE, self.link_writable)
            else:
                self.selector.unregister(self.link.writers())
        if was_full != (self.outgoing_bytes >= LINK_HIGH):
            for stream in list(self.streams.values()):
                self.arm(stream)

    # Frames ------------------------------------------------------------------------------------------------

    def take(self, kind: int, number: int, payload: bytes) -> None:
        """Act on one frame."""
        if kind not in (DATA, TAKEN, CLOSE):
            self.take_other(kind, number, payload)
            return
        stream = self.streams.get(number)
        if stream is None:
            if number > self.newest:
                raise BadFrame(f"connection {number}, which was never opened")
            return  # closed here while the frame was under way
        if kind == DATA:
            stream.under_way += len(payload)
            if stream.under_way > WINDOW:
                raise BadFrame(f"connection {number} sent more than its window")
            stream.waiting.append(memoryview(payload))
            if len(stream.waiting) == 1:
                self.flush(stream)
        elif kind == TAKEN:
            stream.may_send = min(WINDOW, stream.may_send + _COUNT.unpack(payload)[0])
            self.arm(stream)
        else:
            stream.closing = True
            self.flush(stream)

    def take_other(self, kind: int, number: int, payload: bytes) -> None:
        raise BadFrame(f"a frame of kind {kind}")

    # Sockets -----------------------------------------------------------------------------------------------

    def add(self, number: int, sock: socket.socket, *, connected: bool = True) -> Stream:
        """Serve a socket; for one that is not connected yet, what comes is kept until it is, and is flushed."""
        sock.setblocking(False)
        stream = self.streams[number] = Stream(number, sock, connected)
        self.newest = max(self.newest, number)
        self.arm(stream)
        return stream

    def arm(self, stream: Stream) -> None:
        """Listen to what the socket may do now, and to nothing else."""
        if stream.number not in self.streams or not stream.connected:
            return
        readable = stream.may_send > 0 and self.outgoing_bytes < LINK_HIGH and not stream.closing
        mask = (READ if readable else 0) | (WRITE if stream.waiting else 0)
        if mask == stream.armed:
            return
        if not stream.armed:
            self.selector.register(stream.sock, mask, lambda ready: self.socket_ready(stream, ready))
        elif mask:
            self.selector.modify(stream.sock, mask, lambda ready: self.socket_ready(stream, ready))
        else:
            self.selector.unregister(stream.sock)
        stream.armed = mask

    def socket_ready(self, stream: Stream, ready: int) -> None:
        if ready & WRITE and stream.number in self.streams:
            self.flush(stream)
        if ready & READ and stream.number in self.streams:
            self.forward(stream)

    def forward(self, stream: Stream) -> None:
        """From the socket to the link."""
        if stream.may_send <= 0 or stream.closing:
            return
        try:
            data = stream.sock.recv(min(MAX_DATA, stream.may_send))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.end(stream)
            return
        stream.may_send -= len(data)
        self.send(DATA, stream.number, data)
        if stream.may_send <= 0 or self.outgoing_bytes >= LINK_HIGH:
            self.arm(stream)

    def flush(self, stream: Stream) -> None:
        """From the link to the socket."""
        if not stream.connected:
            return
        try:
            while stream.waiting:
                written = stream.sock.send(stream.waiting[0])
                stream.not_told += written
                if written == len(stream.waiting[0]):
                    stream.waiting.popleft()
                else:
                    stream.waiting[0] = stream.waiting[0][written:]
        except BlockingIOError:
            pass  # the rest when the socket takes it
        except OSError:
            self.end(stream)
            return
        if stream.closing and not stream.waiting:
            self.drop(stream)
            return
        if stream.not_told >= WINDOW // 2:
            self.send(TAKEN, stream.number, _COUNT.pack(stream.not_told))
            stream.under_way -= stream.not_told
            stream.not_told = 0
        self.arm(stream)

    def end(self, stream: Stream) -> None:
        """The socket has ended: so does its other half."""
        if not stream.closing:
            self.send(CLOSE, stream.number)
        self.drop(stream)

    def drop(self, stream: Stream) -> None:
        if self.streams.pop(stream.number, None) is None:
            return
        if stream.armed:
            self.selector.unregister(stream.sock)
        stream.sock.close()
        self.dropped(stream)

    def dropped(self, stream: Stream) -> None:
        """A stream is gone; for whoever counts them."""
