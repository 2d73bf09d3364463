"""How a kernel in a container starts, is interrupted, restarted and stopped, and how its death is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import docker
import pytest
import zmq
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.factory import KernelProvisionerFactory

from nbagents.errors import ConfigurationError, SandboxImageMissing, SandboxUnavailable
from nbagents.executors.docker import (
    ContainerDeath,
    ContainerOptions,
    Mount,
    ReadyKernel,
    docker_kernel_manager,
    reaper,
    start_kernel,
)
from nbagents.executors.docker.pool import wait_until_ready
from tests.docker.execution import execute
from tests.docker.memory import SignOfLife
from tests.house.imports import ROOT

ignored = ContainerOptions.ignored


async def death_of(kernel: ReadyKernel, code: str) -> tuple[ContainerDeath, float]:
    """How the container dies of a block, and how long after it was sent."""
    began = time.monotonic()
    kernel.client.execute(code)
    death = await asyncio.wait_for(asyncio.wrap_future(kernel.provisioner.death), 20)
    return death, time.monotonic() - began


def containers() -> set[str]:
    """Those of this process and its children, by name: others may use the engine too."""
    with contextlib.closing(docker.from_env()) as client:
        return {container.name for container in reaper.owned(client) if is_ours(container)}


def is_ours(container: Any) -> bool:
    pid = container.labels[reaper.PROCESS].partition(":")[0]
    try:
        return int(pid) == os.getpid() or f"PPid:\t{os.getpid()}\n" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True  # of a child that was killed


async def until_gone(name: str) -> None:
    async with asyncio.timeout(5):
        while name in containers():
            await asyncio.sleep(0.05)


async def test_state_lasts_from_block_to_block(kernel: ReadyKernel) -> None:
    await execute(kernel, "x = 20")
    done = await execute(kernel, "x + 1")

    assert done.value == "21"


async def test_memory_that_runs_out_is_told_within_a_second(tmp_path: Path) -> None:
    """From the last sign of life of a block that takes 8 MB at a time, which is some milliseconds of work each."""
    sign = SignOfLife(tmp_path / "sign")
    kernel = await start_kernel(ContainerOptions(memory="256m", mounts=(sign.mount,)))
    told: list[float] = []
    kernel.provisioner.death.add_done_callback(lambda _: told.append(time.time()))
    death, _ = await death_of(kernel, sign.fill_memory())

    assert death.reason == "oom" and "256m" in death.text
    assert told[0] - sign.last() < 1
    assert await kernel.manager.is_alive() is False
    await kernel.close()


async def test_a_child_that_runs_out_of_memory_is_not_the_kernels_death(kernel: ReadyKernel) -> None:
    done = await execute(
        kernel, "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'b = bytearray(10**9)']).returncode"
    )
    death, _ = await death_of(kernel, "import os; os._exit(3)")

    assert done.value in ("-9", "1")  # killed, or refused and a MemoryError
    assert (death.reason, death.exit_code) == ("exit", 3)


@pytest.mark.parametrize(
    ("code", "exit_code", "word"),
    [("import os; os._exit(7)", 7, "code 7"), ("import ctypes; ctypes.string_at(0)", 139, "SIGSEGV")],
)
async def test_an_exit_and_a_crash_are_told_within_a_second(
    kernel: ReadyKernel, code: str, exit_code: int, word: str
) -> None:
    death, seconds = await death_of(kernel, code)

    assert (death.reason, death.exit_code) == ("exit", exit_code)
    assert word in death.text
    assert seconds < 1


async def test_somebody_elses_kill_is_told(kernel: ReadyKernel) -> None:
    container = kernel.provisioner.container
    assert container is not None
    container.client.api.kill(container.id)
    death = await asyncio.wait_for(asyncio.wrap_future(kernel.provisioner.death), 2)

    assert death.reason == "exit"
    assert "SIGKILL" in death.text


async def test_an_endless_loop_and_a_child_are_interrupted(kernel: ReadyKernel) -> None:
    for code in ("while True: pass", "import subprocess; subprocess.run(['sleep', '60'])", "input"):
        running = asyncio.ensure_future(execute(kernel, code if code != "input" else "import time; time.sleep(60)"))
        await asyncio.sleep(0.3)  # the block must be under way; there is no event for that
        began = time.monotonic()
        await kernel.manager.interrupt_kernel()
        done = await asyncio.wait_for(running, 10)

        assert done.error.startswith("KeyboardInterrupt")
        assert time.monotonic() - began < 3
    assert (await execute(kernel, "1")).value == "1"


async def test_the_heartbeat_is_jupyters_own_and_stops_with_the_container(kernel: ReadyKernel) -> None:
    client = kernel.manager.client()
    client.start_channels(shell=False, iopub=False, stdin=False, hb=True, control=False)
    client.hb_channel.time_to_dead = 0.5
    try:
        async with asyncio.timeout(20):
            while not client.hb_channel.is_beating():
                await asyncio.sleep(0.05)
        await kernel.close()
        async with asyncio.timeout(20):
            while client.hb_channel.is_beating():
                await asyncio.sleep(0.05)
    finally:
        client.stop_channels()


async def test_what_cannot_be_interrupted_is_killed_and_restarted(kernel: ReadyKernel) -> None:
    await execute(kernel, "x = 1")
    kernel.client.execute("sum(range(10**12))")  # one call in C: Python looks at signals only between two of its own
    await asyncio.sleep(0.3)
    first = kernel.provisioner.death
    began = time.monotonic()
    await kernel.manager.restart_kernel(now=True)
    await wait_until_ready(kernel)

    assert first.result().reason == "killed"
    assert time.monotonic() - began < 10
    assert (await execute(kernel, "x")).error.startswith("NameError")
    assert kernel.alive


async def test_a_polite_shutdown_and_a_cancelled_start_leave_nothing(kernel: ReadyKernel) -> None:
    container = kernel.provisioner.container
    assert container is not None
    kernel.client.stop_channels()
    await kernel.manager.shutdown_kernel()
    await until_gone(container.name)

    before = containers()
    starting = asyncio.ensure_future(docker_kernel_manager().start_kernel())
    await asyncio.sleep(0.1)
    starting.cancel()
    await asyncio.wait({starting})
    async with asyncio.timeout(10):
        await asyncio.sleep(0.5)
        while containers() - before:
            await asyncio.sleep(0.05)


async def test_two_kernels_at_once_know_nothing_of_each_other() -> None:
    one, other = await asyncio.gather(start_kernel(), start_kernel())
    try:
        await execute(one, "x = 1; open('/work/mine', 'w').close()")
        seen = await execute(other, "import os; ('x' in globals(), os.listdir('/work'))")
    finally:
        await asyncio.gather(one.close(), other.close())

    assert seen.value == "(False, [])"
    assert one.manager.session.key != other.manager.session.key


async def test_a_host_process_that_is_killed_leaves_no_container() -> None:
    code = (
        "import asyncio\nfrom nbagents.executors.docker import start_kernel\n"
        "async def main():\n    kernel = await start_kernel()\n"
        "    kernel.client.execute('while True: pass')\n"
        "    print(kernel.provisioner.container.name, flush=True)\n    await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    host = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert host.stdout is not None
    name = await asyncio.to_thread(host.stdout.readline)
    assert name.strip() in containers()
    host.send_signal(signal.SIGKILL)
    host.wait()
    host.stdout.close()

    await until_gone(name.strip())


async def test_a_child_that_a_host_process_has_forked_does_not_keep_its_container() -> None:
    """As the workers of a pool do, which outlive a kernel that is killed."""
    code = (
        "import asyncio, os, time\nfrom nbagents.executors.docker import start_kernel\n"
        "async def main():\n    kernel = await start_kernel()\n"
        "    child = os.fork()\n    if child == 0: time.sleep(60); os._exit(0)\n"
        "    print(kernel.provisioner.container.name, child, flush=True)\n    await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    host = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], stdout=subprocess.PIPE, text=True)
    assert host.stdout is not None
    name, child = (await asyncio.to_thread(host.stdout.readline)).split()
    host.send_signal(signal.SIGKILL)
    host.wait()
    host.stdout.close()
    try:
        await until_gone(name)
        assert Path(f"/proc/{child}").exists()
    finally:
        os.kill(int(child), signal.SIGKILL)


async def test_large_data_passes_in_both_directions() -> None:
    kernel = await start_kernel()
    try:
        inwards = await execute(kernel, f"data = {'x' * 2 * 2**20!r}; len(data)")
        outwards = await execute(kernel, "for _ in range(24): print('y' * (2**20 - 1), flush=True)")
    finally:
        await kernel.close()

    assert inwards.value == str(2 * 2**20)
    assert len(outwards.text) == 24 * 2**20


async def test_a_client_that_does_not_read_holds_nobody_else_up(kernel: ReadyKernel) -> None:
    with zmq.Context() as context, context.socket(zmq.SUB) as deaf:
        deaf.rcvhwm = 1
        deaf.linger = 0
        deaf.connect(f"ipc://{kernel.manager.ip}-{kernel.manager.iopub_port}")
        deaf.subscribe(b"")
        async with asyncio.timeout(20):
            while not await asyncio.to_thread(deaf.poll, 100):  # until its subscription has reached the kernel
                await execute(kernel, "0")
        flood = "import sys\nfor _ in range(400): sys.stdout.write('z' * 100_000); sys.stdout.flush()"
        done = await execute(kernel, flood)
        after = await execute(kernel, "1 + 1")

    assert len(done.text) == 40_000_000
    assert after.value == "2"


async def test_a_kernelspec_of_the_users_may_name_the_provisioner(tmp_path: Path) -> None:
    """As JupyterLab would start it: by jupyter_client's own factory, from a file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    group = "jupyter_client.kernel_provisioners"
    factory = KernelProvisionerFactory.instance()
    point = EntryPoint("nbagents-docker", project["entry-points"][group]["nbagents-docker"], group)
    factory.provisioners["nbagents-docker"] = point
    provisioner = {"provisioner_name": "nbagents-docker", "config": {"options": {"memory": "300m"}}}
    spec = {"argv": ["python3"], "display_name": "Sandbox", "metadata": {"kernel_provisioner": provisioner}}
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "kernel.json").write_text(json.dumps({**spec, "language": "python"}))
    manager = AsyncKernelManager(
        kernel_name="sandbox",
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(tmp_path)]),
        connection_file=str(tmp_path / "connection.json"),
    )
    await manager.start_kernel(env={"OPENAI_API_KEY": "sk-planted"})
    kernel = ReadyKernel(manager, manager.client())
    kernel.client.start_channels()
    await wait_until_ready(kernel)
    done = await execute(kernel, "import os; 'OPENAI_API_KEY' in os.environ, os.getcwd()")
    options = kernel.provisioner.container.options  # type: ignore[union-attr]  # it runs
    await kernel.close()

    assert done.value == "(False, '/work')"
    assert options.memory == "300m"


# Options ------------------------------------------------------------------------------------------------------


async def test_a_runtime_or_network_that_the_engine_lacks_is_said_in_its_words() -> None:
    before = containers()
    with pytest.raises(SandboxUnavailable, match=r"refused.*runsc-unheard-of"):
        await docker_kernel_manager(ContainerOptions(runtime="runsc-unheard-of")).start_kernel()
    with pytest.raises(SandboxUnavailable, match=r"refused.*no-such-net"):
        await docker_kernel_manager(ContainerOptions(network="no-such-net")).start_kernel()
    assert containers() <= before


async def test_an_image_that_is_not_there_is_said() -> None:
    with pytest.raises(SandboxImageMissing, match="docker pull nobody/nothing"):
        await start_kernel(ContainerOptions(image="nobody/nothing:1"))


async def test_an_engine_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")

    with pytest.raises(
        SandboxUnavailable, match=r"no Docker Engine answers at unix:///nonexistent/docker.sock \(DOCKER_HOST\)"
    ):
        await start_kernel()


async def test_what_is_loosened_works_and_is_named(tmp_path: object) -> None:
    options = ContainerOptions(
        memory="512m", network="host", mounts=(Mount(str(tmp_path), "/data"),), env={"A": "b"}, user="0:0"
    )
    kernel = await start_kernel(options)
    try:
        uid = await execute(kernel, "import os; os.getuid(), os.listdir('/data')")
        written = await execute(kernel, "open('/data/x', 'w')")
    finally:
        await kernel.close()

    assert uid.value == "(0, [])"
    assert "Read-only file system" in written.error
    assert options.loosened == [
        "network host: code can send what it sees to other machines",
        f"code can read {tmp_path} of this machine, at /data",
        "code runs as root inside the container",
        "environment variables: A",
    ]


async def test_an_engine_that_drops_a_limit_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        ContainerOptions, "ignored", lambda self, host_config: ignored(self, {**host_config, "PidsLimit": 0})
    )
    before = containers()
    with pytest.raises(SandboxUnavailable, match="does not limit pids"):
        await start_kernel()
    assert containers() <= before


def test_options_are_narrow_hashable_and_checked() -> None:
    assert ContainerOptions().loosened == []
    assert ContainerOptions(runtime="nvidia").loosened == ["the engine's runtime nvidia instead of its usual one"]
    assert len({ContainerOptions(), ContainerOptions(), ContainerOptions(memory="1g")}) == 2
    assert "hush" not in repr(ContainerOptions(env={"TOKEN": "hush"}))
    assert ContainerOptions.from_dict({"mounts": [{"source": "/a", "target": "/b"}]}).mounts == (Mount("/a", "/b"),)
    with pytest.raises(ConfigurationError, match="did you mean 'memory'"):
        ContainerOptions.from_dict({"memroy": "1g"})
    with pytest.raises(ConfigurationError, match="size '2 gigs'"):
        ContainerOptions(memory="2 gigs")
    with pytest.raises(ConfigurationError, match="16 pids"):
        ContainerOptions(pids=1)
    with pytest.raises(ConfigurationError, match="absolute path"):
        ContainerOptions(mounts=(Mount("/a", "b"),))
