"""The end of a run's containers: results first, and nothing keeps the run from ending."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from nbagents.errors import ExecutionUnavailable, RunNotFinished, TransferError, UnknownNameError
from nbagents.magics.notebook_run import RunData
from nbagents.magics.workplaces import Workplaces


class Container:
    """Stands for an agent's container, whose values come when they are let go."""

    def __init__(self, *made: str, error: Exception | None = None, holds: bool = False) -> None:
        self.made = dict.fromkeys(made)
        self.error, self.asked, self.let_go = error, asyncio.Event(), asyncio.Event()
        self.stopped, self.lost = False, 0
        if not holds:
            self.let_go.set()

    async def get(self, name: str) -> str:
        self.asked.set()
        await self.let_go.wait()
        if self.error:
            raise self.error
        return f"value of {name}"

    async def stop(self) -> None:
        await asyncio.sleep(0)
        self.stopped = True


def workplaces(**containers: Any) -> Workplaces:
    work = Workplaces({}, None)
    work._sandboxes = containers
    return work


def data_of(work: Workplaces, *entries: dict[str, Any], ended: bool = True, **namespace: Any) -> RunData:
    run: Any = SimpleNamespace(name="r", ended=ended, journal=SimpleNamespace(entries=entries))
    return RunData(run, work, namespace)


def block(target: str, id: str, **names: list[str]) -> list[dict[str, Any]]:
    return [
        {"type": "effect", "effect": id, "kind": "code", "request": {"target": target}},
        {"type": "result", "effect": id, "ok": True, "value": {"names": names}},
    ]


async def test_results_are_brought_out_before_the_containers_end() -> None:
    work = workplaces(a=Container("x", "y"), b=Container("y"))
    await work.close()
    data = data_of(work, *block("docker", "e1", created=["x", "y"]))
    assert [data["x"], data["y"]] == ["value of x", "value of y"]
    assert work.brought["y"].agent == "b"
    assert all(container.stopped for container in work._sandboxes.values())


async def test_a_paused_run_brings_its_results_out_and_keeps_its_containers() -> None:
    container = Container("x")
    work = workplaces(a=container)
    await work.bring()
    assert data_of(work, *block("docker", "e1", created=["x"]))["x"] == "value of x"
    assert not container.stopped and work.blocks_to_run_again() == {}
    container.lost = 2
    assert work.blocks_to_run_again() == {"a": 2}


@pytest.mark.parametrize("error", [TransferError("'x': a module cannot cross"), RuntimeError("hostile")])
async def test_what_cannot_be_brought_out_says_why_when_it_is_asked_for(error: Exception) -> None:
    work = workplaces(a=Container("x", error=error))
    await work.close()
    with pytest.raises(ExecutionUnavailable, match=str(error)):
        data_of(work, *block("docker", "e1", created=["x"]))["x"]
    assert work._sandboxes["a"].stopped


async def test_a_run_that_is_stopped_brings_nothing_out() -> None:
    container = Container("x", holds=True)
    work = workplaces(a=container)

    async def stopped_run() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await work.close()

    run = asyncio.create_task(stopped_run())
    await asyncio.sleep(0)
    run.cancel()
    await asyncio.wait_for(run, 5)
    assert not container.asked.is_set()
    assert container.stopped
    with pytest.raises(ExecutionUnavailable, match="gone with its container"):
        data_of(work, *block("docker", "e1", created=["x"]))["x"]


async def test_stop_while_results_come_ends_the_containers() -> None:
    container = Container("x", holds=True)
    work = workplaces(a=container)
    ending = asyncio.create_task(work.close())
    await container.asked.wait()
    ending.cancel()
    await asyncio.wait_for(ending, 5)
    assert container.stopped


async def test_data_is_by_name_of_live_code_and_knows_what_was_deleted() -> None:
    entries = [*block("live", "e1", created=["x", "y"]), *block("live", "e2", rebound=["z"], deleted=["y"])]
    data = data_of(workplaces(), *entries, x=1, y=2)
    assert (list(data), len(data), "x" in data, "y" in data) == (["x"], 1, True, False)
    assert data["x"] == 1
    assert repr(data) == "<data of run 'r': x>"
    with pytest.raises(UnknownNameError, match="deleted since"):
        data["z"]
    with pytest.raises(UnknownNameError, match="no block of 'r' made"):
        data_of(workplaces())["x"]


async def test_data_in_a_container_comes_out_when_the_run_ends() -> None:
    data = data_of(workplaces(a=Container("x")), *block("docker", "e1", created=["x"]), ended=False)
    with pytest.raises(RunNotFinished, match="'x' comes out of its container when run 'r' ends"):
        data["x"]
