"""An agent's container after its run has ended and was resumed: it is brought to where the old one was."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nbagents.cancellation import CancellationToken
from nbagents.code import CodeBlock, CodeResult, NamesChange
from nbagents.executors.docker.container_spec import ContainerOptions, Mount
from nbagents.executors.docker_kernel import DockerKernelExecutor
from nbagents.magics.sandbox import AgentSandbox


class Kernels:
    """Stands for the containers: what was done in each, in order."""

    def __init__(self) -> None:
        self.log: list[list[str]] = []
        self.running = False
        self.fails: set[str] = set()
        self.hangs: set[str] = set()
        self.hanging = asyncio.Event()


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> Kernels:
    kernels = Kernels()

    async def connect(self: Any) -> Any:
        return None

    async def start(self: Any) -> None:
        if not kernels.running:
            kernels.running = True
            kernels.log.append([])
            await self._connect()

    async def stop(self: Any) -> None:
        kernels.running = False

    async def put(self: Any, values: Any) -> None:
        kernels.log[-1].append(f"put {','.join(values)}")

    async def execute(self: Any, blocks: list[CodeBlock], token: Any) -> CodeResult:
        [block] = blocks
        kernels.log[-1].append(block.code)
        if block.code in kernels.hangs:
            kernels.hanging.set()
            await asyncio.Event().wait()
        if block.code in kernels.fails:
            return CodeResult(exit_code=1, output="KeyError: 'x'")
        return CodeResult(exit_code=0, output="ok", names=NamesChange(created=(block.code,)))

    for name, method in (("_connect", connect), ("start", start), ("stop", stop), ("put", put)):
        monkeypatch.setattr(DockerKernelExecutor, name, method)
    monkeypatch.setattr(DockerKernelExecutor, "execute_code_blocks", execute)
    return kernels


async def run(sandbox: AgentSandbox, *codes: str) -> CodeResult:
    for code in codes:
        result = await sandbox.execute_code_blocks([CodeBlock(code=code, language="python")], CancellationToken())
    return result


async def test_what_had_run_is_run_once_more_before_the_next_block(kernels: Kernels) -> None:
    kernels.fails = {"b"}
    sandbox = AgentSandbox(ContainerOptions(), {"df": 1}, None)
    await run(sandbox, "a", "b", "c")
    assert sandbox.lost == 0
    for after in ("d", "e"):
        await sandbox.stop()
        assert (await run(sandbox, after)).output == "ok"
        assert sandbox.lost == 0
    assert kernels.log == [
        ["put df", "a", "b", "c"],
        ["put df", "a", "c", "d"],
        ["put df", "a", "c", "d", "e"],
    ]
    assert list(sandbox.made) == ["a", "c", "d", "e"]


async def test_a_container_that_died_is_not_brought_to_where_it_was(kernels: Kernels) -> None:
    sandbox = AgentSandbox(ContainerOptions(), {}, None)
    await run(sandbox, "a")
    kernels.running = False
    await run(sandbox, "b")
    await sandbox.stop()
    assert sandbox.lost == 1
    await run(sandbox, "c")
    assert kernels.log == [["a"], ["b"], ["b", "c"]]


async def test_a_block_that_cannot_be_run_once_more_is_named(kernels: Kernels) -> None:
    sandbox = AgentSandbox(ContainerOptions(), {}, None)
    await run(sandbox, "a", "b", "c")
    await sandbox.stop()
    kernels.fails = {"b"}
    result = await run(sandbox, "d")
    said = "This container is new. Of 3 earlier blocks, number 2 failed in it: KeyError: 'x'\n"
    assert result.output == f"{said}ok"
    assert result.outputs[0]["text"] == said
    assert kernels.log[-1] == ["a", "b", "d"]


async def test_stop_while_they_are_run_once_more_loses_none(kernels: Kernels) -> None:
    sandbox = AgentSandbox(ContainerOptions(), {}, None)
    await run(sandbox, "a", "b", "c")
    await sandbox.stop()
    kernels.hangs = {"b"}
    going_on = asyncio.create_task(run(sandbox, "d"))
    await kernels.hanging.wait()
    going_on.cancel()
    await asyncio.wait([going_on])
    await sandbox.stop()
    assert sandbox.lost == 3
    kernels.hangs = set()
    await run(sandbox, "e")
    assert kernels.log == [["a", "b", "c"], ["a", "b"], ["a", "b", "c", "e"]]


@pytest.mark.parametrize(
    "options",
    [
        ContainerOptions(network="bridge"),
        ContainerOptions(mounts=(Mount("/data", "/data", read_only=False),)),
        ContainerOptions(devices=("/dev/kfd",)),
    ],
)
async def test_what_they_did_outside_of_the_container_is_not_done_twice(
    kernels: Kernels, options: ContainerOptions
) -> None:
    sandbox = AgentSandbox(options, {"df": 1}, None)
    await run(sandbox, "a", "b")
    await sandbox.stop()
    assert sandbox.lost == 0
    result = await run(sandbox, "c")
    assert "(2 of your blocks) was not run again" in result.output and result.output.endswith("ok")
    assert (await run(sandbox, "d")).output == "ok", "it is told once"
    assert kernels.log == [["put df", "a", "b"], ["put df", "c", "d"]]


async def test_a_folder_that_they_only_read_keeps_nothing_from_being_run_once_more(kernels: Kernels) -> None:
    sandbox = AgentSandbox(ContainerOptions(mounts=(Mount("/data", "/data"),)), {}, None)
    await run(sandbox, "a")
    await sandbox.stop()
    await run(sandbox, "b")
    assert kernels.log == [["a"], ["a", "b"]]
