"""`JupyterCodeExecutor` on a real Jupyter Enterprise Gateway, which has a server and a client of its own generation.

It has an environment of its own, which ``make test-needs`` makes; ``NBAGENTS_TEST_GATEWAY`` names another's command.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from nbagents.errors import ExecutionUnavailable
from nbagents.executors import JupyterCodeExecutor
from tests.executors.conftest import run_in
from tests.house.imports import ROOT

COMMAND = os.environ.get("NBAGENTS_TEST_GATEWAY") or str(ROOT / ".venv-gateway/bin/jupyter-enterprisegateway")
USER = {"KERNEL_USERNAME": "analyst"}


class Gateway:
    """One gateway on loopback, below a base path, whose token is in this process's environment."""

    def __init__(self, home: Path) -> None:
        self.token = secrets.token_hex(16)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/gate"
        self._log = home / "log"
        options = ["--ip=127.0.0.1", f"--port={port}", "--EnterpriseGatewayApp.port_retries=0"]
        options += ["--EnterpriseGatewayApp.base_url=/gate/", "--EnterpriseGatewayApp.list_kernels=True"]
        places = {f"JUPYTER_{kind}_DIR": str(home) for kind in ("CONFIG", "RUNTIME", "DATA")}
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [COMMAND, *options],
                cwd=home,
                env={**os.environ, **places, "EG_AUTH_TOKEN": self.token},
                stdout=log,
                stderr=log,
            )

    def wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self._log.read_text()
            try:
                self.asked("/api")
            except URLError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError(f"the Enterprise Gateway did not start:\n{self._log.read_text()}")

    def asked(self, path: str) -> Any:
        request = Request(self.url + path, headers={"Authorization": f"token {self.token}"})
        with urlopen(request, timeout=10) as response:
            return json.load(response)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    if not Path(COMMAND).exists():
        pytest.fail(f"{COMMAND} is missing: make test-needs installs an Enterprise Gateway for this test")
    found = Gateway(tmp_path_factory.mktemp("enterprise"))
    try:
        found.wait()
        yield found
    finally:
        found.process.terminate()
        found.process.wait(20)


@pytest.fixture(autouse=True)
def _token(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_GATEWAY_AUTH_TOKEN", gateway.token)


async def test_blocks_values_interrupt_and_end(gateway: Gateway) -> None:
    async with JupyterCodeExecutor(gateway_url=gateway.url, timeout=20, env=USER) as executor:
        result = await run_in(executor, "x = 20\nprint('there')", "x + 1", "1/0")
        assert result.exit_code == 1
        assert result.output == "there\n21\nline 1: 1/0\nZeroDivisionError: division by zero"
        assert result.names is not None and result.names.created == ("x",)
        await executor.put({"numbers": [1, 2]})
        assert (await run_in(executor, "numbers.append(3)", "sum(numbers)")).output == "6\n"
        assert await executor.get("numbers") == [1, 2, 3]
        assert [kernel["name"] for kernel in gateway.asked("/api/kernels")] == ["python3"]
        executor.timeout = 1
        stopped = await run_in(executor, "while True: pass")
        assert stopped.exit_code == 124 and stopped.output.endswith("interrupted")
        assert (await run_in(executor, "x")).output == "20\n"
    assert gateway.asked("/api/kernels") == []


async def test_a_kernel_that_dies(gateway: Gateway) -> None:
    async with JupyterCodeExecutor(gateway_url=gateway.url, timeout=60, env=USER) as executor:
        result = await run_in(executor, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
        assert result.exit_code == 1 and "the kernel died, as the gateway says" in result.output
        assert (await run_in(executor, "print('new')")).output.endswith("new\n")


async def test_a_user_that_it_refuses_is_told_its_reason(gateway: Gateway) -> None:
    executor = JupyterCodeExecutor(gateway_url=gateway.url, env={"KERNEL_USERNAME": "root"})
    with pytest.raises(ExecutionUnavailable, match=r"403 \(User 'root' is not authorized .*KERNEL_USERNAME"):
        await executor.start()


async def test_a_wrong_token_is_said_and_not_shown(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_GATEWAY_AUTH_TOKEN", "wrong-and-secret")
    with pytest.raises(ExecutionUnavailable, match=r"401 .*JUPYTER_GATEWAY_AUTH_TOKEN") as raised:
        await JupyterCodeExecutor(gateway_url=gateway.url, env=USER).start()
    assert "wrong-and-secret" not in str(raised.value)
