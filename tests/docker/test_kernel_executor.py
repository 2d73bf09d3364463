"""`DockerKernelExecutor` on a real engine: outputs, deaths, limits, cancelling, data and files."""

from __future__ import annotations

import asyncio
import json
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import nbformat
import numpy
import pandas
import polars
import pytest
import pytest_asyncio

from nbagents.cancellation import CancellationToken
from nbagents.code import CodeBlock, CodeResult, NamesChange
from nbagents.component import ComponentModel
from nbagents.errors import SandboxUnavailable, TransferError
from nbagents.executors import CodeExecutor, ContainerOptions, DockerKernelExecutor
from nbagents.executors.docker import death
from nbagents.executors.docker_kernel import close_warm, warm_count, warm_up
from tests.docker.conftest import Engine
from tests.docker.memory import SignOfLife
from tests.docker.test_provisioner import containers

Run = Callable[..., Awaitable[CodeResult]]
OPTIONS = ContainerOptions(memory="400m")


async def run_in(executor: CodeExecutor, *codes: str) -> CodeResult:
    blocks = [CodeBlock(code=code, language="python") for code in codes]
    return await executor.execute_code_blocks(blocks, CancellationToken())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox(engine: Engine) -> AsyncIterator[DockerKernelExecutor]:
    """One executor for the file; each test leaves it usable."""
    executor = DockerKernelExecutor(OPTIONS)
    yield executor
    await executor.stop()
    await close_warm()


@pytest.fixture
def run(sandbox: DockerKernelExecutor) -> Run:
    async def run_there(*codes: str, timeout: float = 30) -> CodeResult:
        sandbox.timeout = timeout
        return await run_in(sandbox, *codes)

    return run_there


async def test_a_figure_and_a_frame(run: Run) -> None:
    result = await run(
        "import matplotlib.pyplot as plt, pandas as pd\nplt.plot([1, 2]);",
        "df = pd.DataFrame({'city': ['Oslo'], 'n': [7]})\ndf",
    )

    assert result.exit_code == 0, result.output
    figure, frame = result.outputs
    assert figure["data"]["image/png"].startswith("iVBOR")
    assert "<td>Oslo</td>" in frame["data"]["text/html"]
    assert result.output == "[figure]\n   city  n\n0  Oslo  7\n"
    assert result.names == NamesChange(created=("df", "pd", "plt"))
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.from_dict(output) for output in result.outputs])
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))


@pytest.mark.parametrize("engine_tells", [True, False])
async def test_out_of_memory_is_told_within_a_second_and_the_next_block_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine_tells: bool
) -> None:
    """Also where the engine's event about it comes too late: the process that saw it may end before it was told."""
    if not engine_tells:
        monkeypatch.setattr(death, "EVENTS", ["die", "destroy"])
    sign = SignOfLife(tmp_path / "sign")
    executor = DockerKernelExecutor(OPTIONS, mounts=(sign.mount,), warm=False)
    await executor.start()
    result = await run_in(executor, sign.fill_memory())
    told = time.time()

    assert told - sign.last() < 1
    assert result.exit_code == 137
    assert result.output.startswith("so far\n")
    assert "out of memory: the sandbox may use 400m, and was ended. Its variables are gone" in result.output
    after = await run_in(executor, "'rows' in globals()")
    assert "a new kernel, without the variables of earlier blocks: out of memory" in after.output
    assert after.output.endswith("False\n")
    await executor.stop()


@pytest.mark.parametrize(
    ("code", "exit_code", "said"),
    [
        ("import os; os._exit(9)", 9, "exited with code 9"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", 139, "SIGSEGV"),
    ],
)
async def test_exit_and_crash_are_told_within_a_second(run: Run, code: str, exit_code: int, said: str) -> None:
    await run("1")
    started = time.monotonic()
    result = await run(code)

    assert time.monotonic() - started < 1
    assert result.exit_code == exit_code and said in result.output and "timed out" not in result.output


async def test_an_endless_loop_is_interrupted_and_keeps_the_variables(run: Run) -> None:
    await run("kept = 3")
    result = await run("while True: pass", timeout=0.5)

    assert result.exit_code == 124 and result.output.endswith("timed out after 0.5 s; interrupted")
    assert (await run("kept")).output == "3\n"


async def test_a_call_into_c_is_killed_and_it_is_said(run: Run) -> None:
    result = await run("sum(range(10**11))", timeout=0.5)

    assert result.exit_code == 124
    assert "had to be killed: its variables are gone" in result.output
    assert (await run("1 + 1")).output.endswith("2\n")


@pytest.mark.parametrize("code", ["while True: pass", "sum(range(10**11))"])
async def test_cancelling_ends_it_within_a_second(sandbox: DockerKernelExecutor, run: Run, code: str) -> None:
    await run("1")
    running = asyncio.create_task(run_in(sandbox, code))
    await asyncio.sleep(0.3)  # it has begun by then, or it is cancelled before: both must work
    started = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert time.monotonic() - started < 1.5
    assert (await run("1 + 1")).output.endswith("2\n")


@pytest.mark.parametrize(
    "code",
    [
        "for _ in range(1000): print('x' * 1_000_000)",
        "import os\nfor _ in range(1000): os.write(1, b'x' * 1_000_000)",
        "for _ in range(1000): display({'text/plain': 'x' * 1_000_000}, raw=True)",
        "import sys\nfor _ in range(50): type(sys.stdout).write(sys.stdout, 'x' * 20_000_000)",
    ],
    ids=["print", "file descriptor", "display", "around our bound"],
)
async def test_a_gigabyte_of_output_stays_bounded(run: Run, code: str) -> None:
    await run("1")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = await run(code, timeout=60)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024

    assert "timed out" not in result.output
    assert len(json.dumps(result.outputs)) < 12_000_000
    assert grown < 400, f"{grown:.0f} MB"
    assert (await run("1 + 1")).output.endswith("2\n")


async def test_nothing_hostile_comes_out(run: Run) -> None:
    result = await run(
        "from IPython.display import HTML, Javascript\n"
        "display(HTML('<b>fine</b><script>evil()</script><img src=https://evil.example/x>'))\n"
        "display(Javascript('evil()'))\n"
        "from comm import create_comm\n"
        "create_comm(target_name='evil')\n"
        "display({'application/vnd.jupyter.widget-view+json': {'model_id': 'evil'}}, raw=True)"
    )

    assert result.exit_code == 0, result.output
    assert "evil" not in json.dumps(result.outputs)
    assert result.outputs[0]["data"]["text/html"] == "<b>fine</b>"


async def test_data_goes_in_and_comes_out(sandbox: DockerKernelExecutor, run: Run) -> None:
    df = pandas.DataFrame(
        {"city": pandas.Categorical(["Oslo", "Rom", "Oslo"]), 2024: [1, None, 3]},
        index=pandas.date_range("2024-03-30", periods=3, tz="Europe/Berlin", name="day"),
    )
    await sandbox.put({"df": df, "n": 2, "grid": numpy.eye(2)})
    result = await run("monthly = df.resample('MS')[2024].sum() * n\nprint(df.index.tz, grid.sum())\nback = df")

    assert result.output == "Europe/Berlin 2.0\n"
    assert (await sandbox.get("monthly")).tolist() == [2.0, 6.0]
    pandas.testing.assert_frame_equal(await sandbox.get("back"), df)


async def test_polars_comes_back_as_polars_though_the_sandbox_has_none(sandbox: DockerKernelExecutor, run: Run) -> None:
    await sandbox.put({"p": polars.DataFrame({"a": [1, 2], "b": ["x", None]})})
    result = await run("print(type(p).__module__.split('.')[0])\nq = p[p.a > 1]")

    assert result.output == "pandas\n"
    assert (await sandbox.get("q")).equals(polars.DataFrame({"a": [2], "b": [None]}, schema={"a": int, "b": str}))


async def test_large_data(sandbox: DockerKernelExecutor, run: Run) -> None:
    frame = pandas.DataFrame({"a": numpy.arange(3_000_000), "b": numpy.random.default_rng(1).random(3_000_000)})
    await sandbox.put({"frame": frame})

    pandas.testing.assert_frame_equal(await sandbox.get("frame"), frame)
    await run("del frame")


async def test_files(sandbox: DockerKernelExecutor, run: Run) -> None:
    await sandbox.put_file("in/a.csv", b"x\n1\n")
    await run(
        "import pandas\npandas.read_csv('in/a.csv').to_csv('b.csv')\nimport os\nos.symlink('/etc/passwd', 'link')"
    )

    assert {file.path: file.size for file in await sandbox.list_files()} == {"in/a.csv": 4, "b.csv": 7}
    assert await sandbox.fetch("b.csv") == b",x\n0,1\n"
    for bad in ("link", "../etc/passwd", "/etc/passwd"):
        with pytest.raises(TransferError):
            await sandbox.fetch(bad)


async def test_nothing_of_the_host_is_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-plantedplantedplanted")
    result = await run("import os\nprint(os.environ.get('OPENAI_API_KEY'), os.path.exists('/root/.ssh'))")

    assert "planted" not in result.output


async def test_a_warm_container_is_handed_out_once() -> None:
    await warm_up(OPTIONS)
    async with asyncio.timeout(30):
        while not await warm_count(OPTIONS):
            await asyncio.sleep(0.05)
    first, second = DockerKernelExecutor(OPTIONS), DockerKernelExecutor(OPTIONS)
    started = time.monotonic()
    await run_in(first, "mine = 1")
    took = time.monotonic() - started

    assert took < 0.4, took
    assert (await run_in(second, "'mine' in globals()")).output == "False\n"
    await asyncio.gather(first.stop(), second.stop())


async def test_one_that_is_dropped_without_a_stop_is_ended_and_it_is_warned_of() -> None:
    executor = DockerKernelExecutor(memory="300m", warm=False)
    before = containers()
    await run_in(executor, "x = 1")
    (name,) = containers() - before
    with pytest.warns(ResourceWarning, match=r"DockerKernelExecutor was dropped without stop\(\)"):
        del executor

    async with asyncio.timeout(10):
        while name in containers():
            await asyncio.sleep(0.05)


async def test_stop_and_restart(run: Run) -> None:
    executor = DockerKernelExecutor(OPTIONS)
    await run_in(executor, "x = 1; open('file', 'w').close()")
    await executor.restart()

    assert (await run_in(executor, "'x' in globals()")).output == "False\n"
    assert await executor.list_files() == []
    await executor.stop()
    await executor.stop()


def test_what_is_loosened_is_named() -> None:
    assert DockerKernelExecutor().loosened == []
    assert DockerKernelExecutor(memory="3g", network="bridge").loosened == [
        "network bridge: code can send what it sees to other machines",
        "memory 3g instead of 2g",
    ]


def test_as_a_component() -> None:
    executor = DockerKernelExecutor(memory="1g", mounts=({"source": "/data", "target": "/data"},), timeout=None)
    dumped = executor.dump_component()
    loaded = CodeExecutor.load_component(ComponentModel.model_validate_json(dumped.model_dump_json()))

    assert isinstance(loaded, DockerKernelExecutor)
    assert loaded.options == executor.options and loaded.dump_component() == dumped


async def test_an_engine_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    with pytest.raises(SandboxUnavailable):
        await run_in(DockerKernelExecutor(ContainerOptions(memory="300m")), "1")
