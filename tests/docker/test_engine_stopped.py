"""The engine stops while a block runs. Only an engine that these tests started is stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbagents.agents import CodeExecutorAgent
from nbagents.cancellation import CancellationToken
from nbagents.code import CodeBlock, CodeResult
from nbagents.errors import SandboxUnavailable
from nbagents.executors import CodeExecutor, DockerCommandLineCodeExecutor, DockerKernelExecutor
from nbagents.executors.command_line import command_container
from nbagents.executors.docker import container, death, start_kernel
from nbagents.executors.docker.engine import probe
from nbagents.runtime import Approvals, Gate, Journal, Run
from nbagents.runtime.journal import read
from nbagents.teams import RoundRobinGroupChat
from tests.docker.conftest import Engine
from tests.docker.execution import execute
from tests.docker.test_provisioner import containers

SO_FAR = "print('so far', flush=True)\nimport time; time.sleep(60)"


async def run_code(executor: CodeExecutor, code: str) -> CodeResult:
    return await executor.execute_code_blocks([CodeBlock(code=code, language="python")], CancellationToken())


def kernel_executor(work_dir: Path) -> CodeExecutor:
    return DockerKernelExecutor(warm=False, timeout=None)


def command_line_executor(work_dir: Path) -> CodeExecutor:
    return DockerCommandLineCodeExecutor("python:3.12-slim", work_dir=work_dir)


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
        told = await asyncio.wait_for(asyncio.wrap_future(kernel.provisioner.death), 10)
        seconds = time.monotonic() - began
        await kernel.close()
        await until_it_is_gone(own_engine)
        with pytest.raises(SandboxUnavailable, match="no Docker Engine answers"):
            await start_kernel()
    finally:
        await asyncio.to_thread(own_engine.script, "up")

    assert seconds < 2
    assert "Docker Engine" in told.text
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

    assert not report.available and "it did not answer within 1 s" in report.why_not
    assert probed < 3
    assert closed < 6
    async with asyncio.timeout(10):
        while name in containers():
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("kind", [kernel_executor, command_line_executor])
@pytest.mark.parametrize("phase", ["connect", "_create", "_attach", "start"])
async def test_a_start_on_an_engine_that_hangs_is_told_within_a_few_seconds(
    own_engine: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: Callable[[Path], CodeExecutor],
    phase: str,
) -> None:
    """From the moment at which it hangs: before the first question, or in the middle of the start."""
    assert own_engine.directory is not None
    pid = int((own_engine.directory / "dockerd.pid").read_text())
    hung: list[float] = []

    def hang(*_: object) -> None:
        if not hung:
            hung.append(time.monotonic())
            os.kill(pid, signal.SIGSTOP)

    module = container if kind is kernel_executor else command_container
    if phase == "connect":
        hang()
    elif phase == "start":
        monkeypatch.setattr(module, "DeathWatch", _before(hang, module.DeathWatch))
    else:
        owner = module.KernelContainer if kind is kernel_executor else module.CommandContainer
        monkeypatch.setattr(owner, phase, _before(hang, getattr(owner, phase)))
    executor = kind(tmp_path / "work")
    try:
        with pytest.raises(SandboxUnavailable, match="did not answer within 3 s"):
            await executor.start()
        took = time.monotonic() - hung[0]
        await executor.stop()
    finally:
        os.kill(pid, signal.SIGCONT)

    assert took < 6
    async with asyncio.timeout(10):
        while containers():
            await asyncio.sleep(0.1)


def _before(first: Callable[..., object], then: Callable[..., Any]) -> Callable[..., Any]:
    def both(*arguments: Any) -> Any:
        first()
        return then(*arguments)

    return both


@pytest.mark.parametrize("kind", [kernel_executor, command_line_executor])
async def test_a_block_whose_engine_hangs_ends_and_says_so(
    own_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Callable[[Path], CodeExecutor]
) -> None:
    assert own_engine.directory is not None
    monkeypatch.setattr(death, "PULSE_SECONDS", 0.5)
    monkeypatch.setattr(death, "HANGS_SECONDS", 2.0)
    executor = kind(tmp_path / "work")
    await run_code(executor, "1")
    running = asyncio.create_task(run_code(executor, SO_FAR))
    await asyncio.sleep(1)  # until it has printed; longer than the engine may hang
    pid = int((own_engine.directory / "dockerd.pid").read_text())
    began = time.monotonic()
    os.kill(pid, signal.SIGSTOP)
    try:
        result = await asyncio.wait_for(running, 20)
        took = time.monotonic() - began
        await executor.stop()
    finally:
        os.kill(pid, signal.SIGCONT)

    assert took < 6
    assert result.exit_code != 0 and result.output.startswith("so far\n")
    assert "the Docker Engine stopped or cannot be reached" in result.output
    assert "did not answer within 2 s" in result.output
    async with asyncio.timeout(10):  # what it could not be told while it hung, it learns from the end of the stream
        while containers():
            await asyncio.sleep(0.1)


async def test_an_engine_that_stops_in_mid_block(own_engine: Engine) -> None:
    assert own_engine.directory is not None
    executor = DockerKernelExecutor(memory="400m", warm=False)
    await executor.start()
    running = asyncio.create_task(run_code(executor, SO_FAR))
    await asyncio.sleep(1)
    started = time.monotonic()
    os.kill(int((own_engine.directory / "dockerd.pid").read_text()), signal.SIGTERM)
    try:
        result = await asyncio.wait_for(running, 10)
        took = time.monotonic() - started
        await executor.stop()
        await until_it_is_gone(own_engine)
    finally:
        await asyncio.to_thread(own_engine.script, "up")

    assert took < 2
    assert result.exit_code != 0 and result.output.startswith("so far\n") and "Docker Engine" in result.output


async def test_a_run_keeps_all_that_it_had(own_engine: Engine, tmp_path: Path) -> None:
    assert own_engine.directory is not None
    executor = DockerKernelExecutor(memory="400m", warm=False)
    await executor.start()
    gate = Gate(Journal(tmp_path / "run.jsonl"), approvals=Approvals("always"))
    run = Run("r", RoundRobinGroupChat([CodeExecutorAgent("coder", executor)], max_turns=1), gate)
    run.start(f"```python\n{SO_FAR}\n```")
    await asyncio.sleep(1)
    os.kill(int((own_engine.directory / "dockerd.pid").read_text()), signal.SIGTERM)
    try:
        await asyncio.wait_for(run.wait(), 10)
        await executor.stop()
        await until_it_is_gone(own_engine)
    finally:
        await asyncio.to_thread(own_engine.script, "up")

    kept = read(tmp_path / "run.jsonl")
    assert " ".join(entry["type"] for entry in kept) == "run task speaker effect result message end"
    output = kept[4]["value"]["output"]
    assert output.startswith("so far\n") and "Docker Engine" in output
    assert run.status == "done" and "Docker Engine" in run.messages[-1].to_text()


async def until_it_is_gone(own_engine: Engine) -> None:
    assert own_engine.directory is not None
    path = own_engine.directory / "dockerd.pid"
    pid = int(path.read_text()) if path.exists() else 0
    async with asyncio.timeout(20):
        while pid and Path(f"/proc/{pid}").exists():
            await asyncio.sleep(0.05)
