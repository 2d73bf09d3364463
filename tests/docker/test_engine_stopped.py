"""The engine stops while a block runs. Only an engine that these tests started is stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from nbagents.errors import SandboxUnavailable
from nbagents.executors.docker import start_kernel
from nbagents.executors.docker.engine import probe
from tests.docker.conftest import Engine
from tests.docker.execution import execute
from tests.docker.test_provisioner import containers


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_the_death_is_told_within_two_seconds_and_leaves_no_container(
    own_engine: Engine, how: signal.Signals
) -> None:
    assert own_engine.directory is not None
    kernel = await start_kernel()
    name = kernel.provisioner.container.name  # type: ignore[union-attr]  # it runs
    kernel.client.execute("while True: pass")
    began = time.monotonic()
    os.kill(int((own_engine.directory / "dockerd.pid").read_text()), how)
    try:
        death = await asyncio.wait_for(asyncio.wrap_future(kernel.provisioner.death), 10)
        seconds = time.monotonic() - began
        await kernel.close()
        await until_it_is_gone(own_engine)
        with pytest.raises(SandboxUnavailable, match="no Docker Engine answers"):
            await start_kernel()
    finally:
        await asyncio.to_thread(own_engine.script, "up")

    assert seconds < 2
    assert "Docker Engine" in death.text
    again = await start_kernel()
    assert (await execute(again, "1 + 1")).value == "2"
    assert name not in containers()
    await again.close()


async def test_an_engine_that_hangs_holds_nobody_up_for_long(own_engine: Engine) -> None:
    assert own_engine.directory is not None
    kernel = await start_kernel()
    name = kernel.provisioner.container.name  # type: ignore[union-attr]  # it runs
    pid = int((own_engine.directory / "dockerd.pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        report = await asyncio.to_thread(probe)
        probed = time.monotonic() - began
        await kernel.close()
        closed = time.monotonic() - began - probed
    finally:
        os.kill(pid, signal.SIGCONT)

    assert not report.available and "timed out" in report.why_not
    assert probed < 3
    assert closed < 15
    async with asyncio.timeout(10):
        while name in containers():
            await asyncio.sleep(0.1)


async def until_it_is_gone(own_engine: Engine) -> None:
    assert own_engine.directory is not None
    path = own_engine.directory / "dockerd.pid"
    pid = int(path.read_text()) if path.exists() else 0
    async with asyncio.timeout(20):
        while pid and Path(f"/proc/{pid}").exists():
            await asyncio.sleep(0.05)
