"""What a block in a container costs: our Docker kernel, a plain local kernel, AutoGen's Docker command-line executor.

    python bench/sandbox.py              all; the peer's Python is $NBAGENTS_BENCH_PEER or
                                         bench/.venvs/autogen/bin/python (bench/run makes it)
    python bench/sandbox.py SIDE IMAGE   one side in this process: its figures as JSON

Milliseconds of wall time, since most of it passes in other processes. Each side runs in a process of its own, the sides
in turn, several times; medians. All containers are made from the same image on the engine that DOCKER_HOST names.
Exit code 1 when a target is missed.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PEER = os.environ.get("NBAGENTS_BENCH_PEER", str(HERE / ".venvs" / "autogen" / "bin" / "python"))
ROUNDS = 3
BLOCKS = 100
CODE = "x = 1 + 1\nprint(x)"


def since(began: float) -> float:
    return (time.perf_counter() - began) * 1000


async def reply(client: Any) -> None:
    """One block through Jupyter's messages: sent, answered, and its output complete."""
    asked = client.execute(CODE)
    while (await client.get_shell_msg())["parent_header"].get("msg_id") != asked:
        pass
    while True:
        message = await client.get_iopub_msg()
        if message["parent_header"].get("msg_id") == asked and message["content"].get("execution_state") == "idle":
            return


async def median_of(block: Callable[[], Awaitable[object]], count: int = BLOCKS) -> float:
    spent = []
    for _ in range(count):
        began = time.perf_counter()
        await block()
        spent.append(since(began))
    return statistics.median(spent)


async def plain(image: str) -> dict[str, float]:
    """An ipykernel on this machine, as jupyter_client starts it."""
    from jupyter_client.manager import AsyncKernelManager

    manager = AsyncKernelManager()
    began = time.perf_counter()
    await manager.start_kernel()
    client = manager.client()
    client.start_channels(hb=False)
    client.execute("0")
    await client.get_shell_msg()
    cold = since(began)
    figures = {"cold": cold, "trip": await median_of(lambda: reply(client))}
    client.stop_channels()
    await manager.shutdown_kernel(now=True)
    return figures


async def kernel(image: str) -> dict[str, float]:
    """Our kernel in a container, by the same messages."""
    from nbagents.executors.docker import ContainerOptions, WarmKernels, start_kernel

    options = ContainerOptions(image=image)
    began = time.perf_counter()
    first = await start_kernel(options)
    await reply(first.client)
    figures = {"cold": since(began), "trip": await median_of(lambda: reply(first.client))}
    pool = WarmKernels()
    pool.prepare(options)
    await pool.filled(options)
    began = time.perf_counter()
    taken = await pool.take(options)
    await reply(taken.client)
    figures["warm"] = since(began)
    await asyncio.gather(first.close(), taken.close(), pool.close())
    return figures


async def executor(image: str) -> dict[str, float]:
    """Our executor: what an agent's block goes through."""
    from nbagents.cancellation import CancellationToken
    from nbagents.executors import CodeBlock, DockerKernelExecutor

    return await blocks(DockerKernelExecutor(image=image, warm=False), CodeBlock, CancellationToken)


async def peer(image: str) -> dict[str, float]:
    """AutoGen's: a container, and a process in it for each block."""
    from autogen_core import CancellationToken
    from autogen_core.code_executor import CodeBlock
    from autogen_ext.code_executors.docker import DockerCommandLineCodeExecutor

    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o777)  # the image's user is not root
        return await blocks(DockerCommandLineCodeExecutor(image, work_dir=directory), CodeBlock, CancellationToken)


async def blocks(executor: Any, CodeBlock: Any, CancellationToken: Any) -> dict[str, float]:
    async def block() -> None:
        result = await executor.execute_code_blocks([CodeBlock(code=CODE, language="python")], CancellationToken())
        assert (result.exit_code, result.output.strip()) == (0, "2"), result

    began = time.perf_counter()
    await executor.start()
    await block()
    figures = {"cold": since(began), "block": await median_of(block, BLOCKS // 4)}
    began = time.perf_counter()
    await executor.stop()
    return {**figures, "stop": since(began)}


SIDES = {side.__name__: side for side in (plain, kernel, executor, peer)}


def measured(side: str, image: str) -> dict[str, float]:
    """One side in a process of its own."""
    python = PEER if side == "peer" else sys.executable
    env = {**os.environ, "PYTHONPATH": "" if side == "peer" else str(HERE.parent)}
    done = subprocess.run([python, str(HERE / "sandbox.py"), side, image], env=env, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{side} failed")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare() -> int:
    """Print the table; 1 when a target is missed."""
    from nbagents.executors.docker.image import ensure

    image = ensure()
    figures: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for _ in range(ROUNDS):
        for side in SIDES:
            figures[side].append(measured(side, image))

    def at(side: str, figure: str) -> float:
        return statistics.median(each[figure] for each in figures[side])

    trip, block = at("kernel", "trip") / at("plain", "trip"), at("peer", "block") / at("executor", "block")
    print(f"| ms, median of {ROUNDS} | plain local kernel | our container | AutoGen 0.7.5 | ratio | target |")
    print("|---|---|---|---|---|---|")
    print(f"| start to first reply | {at('plain', 'cold'):.0f} | {at('kernel', 'cold'):.0f} | | | |")
    print(f"| the same, kept warm | | {at('kernel', 'warm'):.0f} | | | 50 |")
    print(f"| messages of one block | {at('plain', 'trip'):.1f} | {at('kernel', 'trip'):.1f} | | {trip:.2f} | 2 |")
    print(f"| executor: start to first block | | {at('executor', 'cold'):.0f} | {at('peer', 'cold'):.0f} | | |")
    print(f"| executor: one block | | {at('executor', 'block'):.1f} | {at('peer', 'block'):.1f} | {block:.1f} | 10 |")
    print(f"| executor: stop | | {at('executor', 'stop'):.0f} | {at('peer', 'stop'):.0f} | | |")
    return int(trip > 2 or block < 10 or at("kernel", "warm") > 50)


def main(arguments: list[str]) -> int:
    if len(arguments) == 2:
        print(json.dumps(asyncio.run(SIDES[arguments[0]](arguments[1]))))
        return 0
    return compare()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
