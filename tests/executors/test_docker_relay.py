"""The relay against a container that does as it likes: nothing it sends is believed, and memory stays bounded."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nbagents.executors.docker.frames import (
    CLOSE,
    DATA,
    FAILED,
    FROM_CONTAINER,
    FROM_HOST,
    HEADER,
    HELLO,
    MAX_DATA,
    OOM,
    OPEN,
    READY,
    SIGNAL,
    TAKEN,
    WINDOW,
    BadFrame,
    FrameReader,
    encode,
)
from nbagents.executors.docker.mux import LINK_HIGH
from nbagents.executors.docker.relay import LAST_WORDS, Attached, Relay


@dataclass
class Container:
    """The other end of the engine's stream, played by the test."""

    relay: Relay
    sock: socket.socket
    reader: FrameReader

    def send(self, data: bytes, kind: int = 1) -> None:
        """As the engine passes on what a container writes: with its 8 bytes before it."""
        self.sock.sendall(struct.pack("!BxxxI", kind, len(data)) + data)

    def frame(self) -> tuple[int, int, bytes]:
        """The next frame from the host."""
        header = self.sock.recv(HEADER.size, socket.MSG_WAITALL)
        length = HEADER.unpack(header)[2]
        (frame,) = self.reader.feed(header + (self.sock.recv(length, socket.MSG_WAITALL) if length else b""))
        return frame

    def problem(self) -> str:
        """What the relay says when it has ended."""
        self.relay.thread.join(5)
        assert not self.relay.thread.is_alive()
        return self.relay.problem

    def client(self, channel: int) -> tuple[socket.socket, int]:
        """A client of a channel, and the number that its connection got."""
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(5)
        sock.connect(f"{self.relay.prefix}-{channel + 1}")
        kind, number, payload = self.frame()
        assert (kind, payload) == (OPEN, bytes([channel]))
        return sock, number


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(5)
    relay = Relay(Attached(ours), tmp_path, {"key": "k"})
    relay.start()
    other = Container(relay, theirs, FrameReader(FROM_HOST))
    assert other.frame() == (HELLO, 0, b'{"key": "k"}')
    yield other
    relay.close()
    theirs.close()


def test_bytes_pass_in_both_directions_whatever_their_pieces(container: Container) -> None:
    client, number = container.client(0)
    client.sendall(b"question")
    assert container.frame() == (DATA, number, b"question")
    answer = encode(DATA, number, b"ans") + encode(DATA, number, b"wer")
    container.send(answer[:5])
    container.send(b"a word on stderr", kind=2)
    container.send(answer[5:])

    assert client.recv(3) + client.recv(3) == b"answer"
    assert container.relay.last_words() == "a word on stderr"
    client.close()
    assert container.frame() == (CLOSE, number, b"")


def test_that_memory_ran_out_is_known_from_the_container_itself(container: Container) -> None:
    assert not container.relay.ran_out_of_memory(0)
    container.send(encode(OOM))
    container.sock.close()

    assert container.relay.ran_out_of_memory(5)


def test_a_closed_connection_ends_its_client_and_no_other(container: Container) -> None:
    one, first = container.client(0)
    other, second = container.client(4)
    container.send(encode(CLOSE, first) + encode(DATA, first, b"too late") + encode(DATA, second, b"beat"))

    assert one.recv(1) == b""
    assert other.recv(4) == b"beat"
    one.close()
    other.close()


def test_a_flood_on_stderr_keeps_nobody_from_being_heard(container: Container) -> None:
    ended = threading.Event()

    def flood() -> None:
        while not ended.is_set():
            try:
                container.send(bytes(30_000), kind=2)
            except OSError:
                return

    flooding = threading.Thread(target=flood)
    flooding.start()
    container.relay.signal(2)
    heard = container.frame()
    ended.set()
    flooding.join(5)

    assert heard == (SIGNAL, 0, b"\x02")
    assert len(container.relay.attached.stderr) <= LAST_WORDS


def test_start_and_signals(container: Container) -> None:
    container.send(encode(READY))
    assert container.relay.started.result(5) == ""
    container.relay.signal(2)

    assert container.frame() == (SIGNAL, 0, b"\x02")


def test_why_there_is_no_kernel_is_told_without_control_characters(container: Container) -> None:
    container.send(encode(FAILED, 0, b"no \x1b[31mipykernel\r\n"))

    assert container.relay.started.result(5) == "no [31mipykernel"


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (encode(HELLO, 0, b"{}"), "kind 1"),
        (encode(OPEN, 1, b"\x00"), "kind 3"),
        (encode(SIGNAL, 0, b"\x09"), "kind 7"),
        (encode(99), "kind 99"),
        (HEADER.pack(DATA, 1, MAX_DATA + 1), f"{MAX_DATA + 1} bytes"),
        (HEADER.pack(DATA, 1, 2**32 - 1), "4294967295 bytes"),
        (HEADER.pack(TAKEN, 1, 400), "400 bytes"),
        (encode(DATA, 7, b"x"), "never opened"),
        (encode(READY) + encode(READY), "second frame"),
    ],
)
def test_what_a_container_may_not_send_ends_it(container: Container, sent: bytes, why: str) -> None:
    container.send(sent)

    assert why in container.problem()
    assert container.sock.recv(1) == b""  # let go: the container's stdin ends


def test_the_engines_own_stream_is_checked_too(container: Container) -> None:
    container.sock.sendall(struct.pack("!BxxxI", 9, 4) + b"oops")

    assert "in the engine's stream" in container.problem()


def test_more_than_the_window_is_refused_and_never_kept(container: Container) -> None:
    client, number = container.client(1)  # reads nothing
    piece = encode(DATA, number, bytes(MAX_DATA))
    sending = threading.Thread(target=send_until_refused, args=(container, piece))
    sending.start()
    problem = container.problem()
    sending.join(5)
    client.close()

    assert "more than its window" in problem


def send_until_refused(container: Container, piece: bytes) -> None:
    try:
        for _ in range(2 * WINDOW // MAX_DATA + 20):
            container.send(piece)
    except OSError:
        return


def test_a_client_that_reads_gives_the_container_its_window_back(container: Container) -> None:
    client, number = container.client(1)
    for _ in range(WINDOW // MAX_DATA // 2):
        container.send(encode(DATA, number, bytes(MAX_DATA)))
    received = 0
    while received < WINDOW // 2:
        received += len(client.recv(2**20))
    client.close()

    assert container.frame() == (TAKEN, number, struct.pack("!I", WINDOW // 2))


def test_a_client_that_floods_is_read_no_further_than_its_window(container: Container) -> None:
    client, _ = container.client(0)
    client.setblocking(False)
    sent = 0
    quiet = time.monotonic()
    while time.monotonic() - quiet < 0.3:  # the container takes nothing
        try:
            sent += client.send(bytes(65536))
            quiet = time.monotonic()
        except BlockingIOError:
            time.sleep(0.005)
    in_sockets = 2**20  # what the system's own buffers hold
    assert sent <= WINDOW + in_sockets
    assert container.relay.outgoing_bytes <= LINK_HIGH + WINDOW + MAX_DATA
    client.close()


def test_too_many_connections_are_refused(container: Container) -> None:
    clients = []
    for _ in range(70):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(f"{container.relay.prefix}-1")
        sock.settimeout(5)
        clients.append(sock)
    assert clients[-1].recv(1) == b""
    for sock in clients:
        sock.close()


def test_the_sockets_are_gone_with_the_relay(container: Container, tmp_path: Path) -> None:
    container.relay.close()

    with pytest.raises((FileNotFoundError, ConnectionRefusedError)), socket.socket(socket.AF_UNIX) as late:
        late.connect(f"{tmp_path}/k-1")


def test_a_frame_is_found_however_it_is_cut() -> None:
    frames = [(READY, 0, b""), (DATA, 3, b"x" * 300), (TAKEN, 3, b"\0\0\1\0"), (CLOSE, 3, b"")]
    stream = b"".join(encode(*frame) for frame in frames)
    for length in (1, 2, 7, 9, 10, 100, len(stream)):
        reader = FrameReader(FROM_CONTAINER)
        pieces = [stream[at : at + length] for at in range(0, len(stream), length)]

        assert [frame for piece in pieces for frame in reader.feed(piece)] == frames


def test_a_bad_frame_is_refused_at_its_header() -> None:
    reader = FrameReader(FROM_CONTAINER)

    with pytest.raises(BadFrame):
        list(reader.feed(HEADER.pack(DATA, 1, MAX_DATA + 1)))
    assert len(reader.rest) <= HEADER.size
