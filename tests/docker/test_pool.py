"""Kernels that are ready before they are needed, and containers that nobody owns."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time

import docker
import pytest

from nbagents.errors import SandboxImageMissing
from nbagents.executors.docker import ContainerOptions, ReadyKernel, WarmKernels, reaper
from nbagents.executors.docker import pool as pool_module
from nbagents.executors.docker.container_spec import LABEL
from nbagents.executors.docker.image import ensure
from tests.docker.execution import execute

OPTIONS = ContainerOptions(memory="256m")


async def first_reply(pool: WarmKernels) -> tuple[ReadyKernel, float]:
    began = time.monotonic()
    kernel = await pool.take(OPTIONS)
    done = await execute(kernel, "1 + 1")
    assert done.value == "2"
    return kernel, time.monotonic() - began


async def test_a_warm_kernel_answers_at_once_and_is_nobody_elses() -> None:
    pool = WarmKernels()
    pool.prepare(OPTIONS)
    await pool.filled(OPTIONS)
    one, seconds = await first_reply(pool)
    await pool.filled(OPTIONS)  # refilled by itself
    other, _ = await first_reply(pool)
    await execute(one, "x = 1")
    seen = await execute(other, "'x' in globals()")
    ids = {one.provisioner.container.id, other.provisioner.container.id}  # type: ignore[union-attr]  # they run
    await asyncio.gather(one.close(), other.close(), pool.close())

    assert seconds < 0.2  # 0.016 on a quiet machine; a cold start takes 0.8
    assert len(ids) == 2
    assert seen.value == "False"


async def test_one_that_died_while_it_waited_is_not_handed_out() -> None:
    pool = WarmKernels()
    pool.prepare(OPTIONS)
    await pool.filled(OPTIONS)
    (waiting,) = pool._ready[OPTIONS]
    waiting.client.execute("import os; os._exit(1)")
    await asyncio.wrap_future(waiting.provisioner.death)
    kernel, _ = await first_reply(pool)

    assert kernel is not waiting
    await asyncio.gather(kernel.close(), pool.close())


async def test_one_that_died_is_replaced_when_more_are_prepared() -> None:
    pool = WarmKernels()
    pool.prepare(OPTIONS)
    await pool.filled(OPTIONS)
    (waiting,) = pool._ready[OPTIONS]
    waiting.client.execute("import os; os._exit(1)")
    await asyncio.wrap_future(waiting.provisioner.death)
    pool.prepare(OPTIONS)
    await pool.filled(OPTIONS)

    assert pool.count(OPTIONS) == len(pool._ready[OPTIONS]) == 1
    await pool.close()


async def test_whatever_keeps_a_pool_from_filling_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(options: ContainerOptions) -> ReadyKernel:
        raise RuntimeError("no more threads")

    monkeypatch.setattr(pool_module, "start_kernel", fails)
    pool = WarmKernels()
    pool.prepare(OPTIONS)
    await pool.filled(OPTIONS)

    assert pool.problem == "no more threads"
    await pool.close()


async def test_closing_the_pool_ends_what_waits_and_what_starts() -> None:
    pool = WarmKernels(size=2)
    pool.prepare(OPTIONS)
    while not pool.count(OPTIONS):
        await asyncio.sleep(0.02)
    waiting = list(pool._ready[OPTIONS])
    await pool.close()  # the other one is starting

    assert not any(kernel.alive for kernel in waiting)
    assert pool.count(OPTIONS) == 0
    pool.prepare(OPTIONS)
    assert pool.count(OPTIONS) == 0


async def test_what_keeps_a_pool_from_filling_is_said() -> None:
    pool = WarmKernels()
    missing = ContainerOptions(image="nobody/nothing:1")
    pool.prepare(missing)
    await pool.filled(missing)

    assert "nobody/nothing" in pool.problem
    with pytest.raises(SandboxImageMissing):
        await pool.take(missing)
    await pool.close()


def test_the_reaper_removes_what_nobody_owns_and_nothing_else() -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    with contextlib.closing(docker.from_env()) as client:
        arguments = {"image": ensure(client=client), "command": ["sleep", "60"], "network_mode": "none"}
        labels = {LABEL: "kernel", **reaper.owner_labels()}
        ours = client.containers.create(**arguments, labels=labels)
        orphan = client.containers.create(**arguments, labels={**labels, reaper.PROCESS: f"{dead.pid}:1"})
        elsewhere = client.containers.create(
            **arguments, labels={**labels, reaper.MACHINE: "another", reaper.PROCESS: f"{dead.pid}:1"}
        )
        try:
            removed = reaper.reap(client)
            left = {container.name for container in client.containers.list(all=True, ignore_removed=True)}
        finally:
            for container in (ours, orphan, elsewhere):
                with contextlib.suppress(docker.errors.NotFound):
                    container.remove(force=True)

    assert orphan.name in removed
    assert {ours.name, elsewhere.name} <= left
    assert orphan.name not in left
