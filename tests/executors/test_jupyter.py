"""AutoGen's Jupyter executor: its result, files and components; a kernel behind a real Jupyter server."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from nbagents.component import ComponentModel
from nbagents.errors import ConfigurationError, ExecutionUnavailable
from nbagents.executors import CodeExecutor, JupyterCodeExecutor, JupyterCodeResult
from tests.executors.conftest import run_in, until_shown

FIGURE = "import matplotlib.pyplot as plt\nplt.plot([1, 2]);"


def begun_and_going_on(mark: Path) -> str:
    """A block that tells by a file that it has begun, and does not end."""
    return f"print('so far', flush=True)\nopen({str(mark)!r}, 'w').close()\nimport time; time.sleep(60)"


async def until_there(mark: Path) -> None:
    async with asyncio.timeout(30):
        while not mark.exists():
            await asyncio.sleep(0.02)


async def test_pictures_and_html_become_files(tmp_path: Path) -> None:
    async with JupyterCodeExecutor(output_dir=tmp_path / "out") as executor:
        result = await run_in(executor, FIGURE, "import pandas\npandas.DataFrame({'a': [1]})")

    assert isinstance(result, JupyterCodeResult)
    png, html = result.output_files
    assert png.parent == tmp_path / "out" and png.read_bytes().startswith(b"\x89PNG")
    assert "<table" in html.read_text()


async def test_html_of_the_users_own_kernel_is_kept(tmp_path: Path) -> None:
    async with JupyterCodeExecutor(output_dir=tmp_path) as executor:
        result = await run_in(executor, "from IPython.display import HTML\nHTML('<script>chart()</script>chart')")

    assert isinstance(result, JupyterCodeResult)
    assert result.output_files[0].read_text() == "<script>chart()</script>chart"


async def test_secrets_of_the_environment_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-plantedplantedplanted")
    monkeypatch.setenv("HARMLESS", "yes")
    code = "import os; print(os.environ.get('OPENAI_API_KEY'), os.environ.get('HARMLESS'))"
    async with JupyterCodeExecutor() as executor:
        assert (await run_in(executor, code)).output == "None yes\n"


async def test_an_unknown_kernelspec() -> None:
    with pytest.raises(ExecutionUnavailable, match=r"kernel_name 'nothing': there is no such kernelspec; .*python3"):
        await run_in(JupyterCodeExecutor("nothing"), "1")


async def test_stop_ends_the_process_and_a_later_block_starts_another() -> None:
    executor = JupyterCodeExecutor()
    pid = int((await run_in(executor, "import os; print(os.getpid())")).output)
    await executor.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)

    assert (await run_in(executor, "'pid' in globals()")).output == "False\n"
    await executor.stop()


async def test_a_kernel_whose_executor_is_dropped_is_ended_and_it_is_warned_of() -> None:
    executor = JupyterCodeExecutor()
    pid = int((await run_in(executor, "import os; print(os.getpid())")).output)
    with pytest.warns(ResourceWarning, match=r"JupyterCodeExecutor was dropped without stop\(\): its kernel is ended"):
        del executor

    async with asyncio.timeout(10):
        while Path(f"/proc/{pid}").exists():
            await asyncio.sleep(0.02)


async def test_an_executor_that_was_stopped_or_never_started_is_dropped_in_silence() -> None:
    for used in (False, True):
        executor = JupyterCodeExecutor()
        if used:
            await run_in(executor, "1")
        await executor.stop()
        with warnings.catch_warnings(record=True) as heard:
            del executor
            gc.collect()
        assert not [each for each in heard if "dropped" in str(each.message)]


async def test_stop_ends_a_block_that_runs(tmp_path: Path) -> None:
    executor = JupyterCodeExecutor()
    running = asyncio.create_task(run_in(executor, begun_and_going_on(tmp_path / "begun")))
    await until_there(tmp_path / "begun")
    await executor.stop()

    result = await asyncio.wait_for(running, 5)
    assert result.exit_code == 1 and "the kernel was stopped" in result.output


def test_as_a_component() -> None:
    executor = JupyterCodeExecutor("python3", 30, "out", gateway_url="http://127.0.0.1:1")
    dumped = executor.dump_component()
    loaded = CodeExecutor.load_component(ComponentModel.model_validate_json(dumped.model_dump_json()))

    assert isinstance(loaded, JupyterCodeExecutor)
    assert loaded.dump_component() == dumped
    assert dumped.config == {
        "kernel_name": "python3",
        "timeout": 30,
        "output_dir": "out",
        "gateway_url": "http://127.0.0.1:1",
    }


def test_autogens_component_loads() -> None:
    loaded = CodeExecutor.load_component(
        {
            "provider": "autogen_ext.code_executors.jupyter.JupyterCodeExecutor",
            "component_type": "code_executor",
            "version": 1,
            "component_version": 1,
            "config": {"kernel_name": "python3", "timeout": 60, "output_dir": "x"},
        }
    )

    assert isinstance(loaded, JupyterCodeExecutor) and loaded.timeout == 60


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="Timeout must be greater than or equal to 1"):
        JupyterCodeExecutor(timeout=0)


async def test_input_is_answered_by_who_was_named() -> None:
    asked: list[tuple[str, bool]] = []

    async def ask(prompt: str, password: bool) -> str:
        asked.append((prompt, password))
        return "Ada"

    async with JupyterCodeExecutor(ask=ask) as executor:
        result = await run_in(executor, "import getpass\nprint('hello', input('name? '), getpass.getpass('word? '))")

    assert result.output.endswith("hello Ada Ada\n")
    assert asked == [("name? ", False), ("word? ", True)]


def test_input_is_answered_on_the_loop_that_runs_now() -> None:
    async def ask(prompt: str, password: bool) -> str:
        return "Ada"

    executor = JupyterCodeExecutor(ask=ask)
    first = asyncio.run(run_in(executor, "print(input())"))
    second = asyncio.run(run_in(executor, "print(input())"))
    asyncio.run(executor.stop())

    assert (first.output, second.output) == ("Ada\n", "Ada\n")


async def test_nobody_who_can_answer_ends_the_block() -> None:
    async def ask(prompt: str, password: bool) -> str:
        raise LookupError("nobody is there")

    async with JupyterCodeExecutor(ask=ask) as executor:
        result = await run_in(executor, "input('name? ')")

    assert result.exit_code == 1 and "KeyboardInterrupt" in result.output


async def test_a_kernel_of_another_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernelspec that says so is enough: blocks are told apart by it, and our Python does not go there."""
    folder = tmp_path / "kernels" / "tongue"
    folder.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (folder / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Tongue", "language": "tongue"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    async with JupyterCodeExecutor("tongue") as executor:
        result = await run_in(executor, "print('spoken')", language="tongue")
        refused = await run_in(executor, "print('spoken')")
        with pytest.raises(ExecutionUnavailable, match="a kernel for 'tongue' is none"):
            await executor.get("x")

    assert result.output == "spoken\n" and result.names is None
    assert refused.exit_code == 1 and "runs tongue only" in refused.output


# Behind a gateway -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gateway:
    url: str
    token: str
    pid: int

    def kernels(self) -> list[dict[str, str]]:
        request = Request(f"{self.url}/api/kernels", headers={"Authorization": f"token {self.token}"})
        with urlopen(request, timeout=10) as response:
            return list(json.load(response))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A Jupyter server of its own, on loopback."""
    home, token = tmp_path_factory.mktemp("gateway"), secrets.token_hex(16)
    environ = {**os.environ, "JUPYTER_CONFIG_DIR": str(home), "JUPYTER_RUNTIME_DIR": str(home / "runtime")}
    options = ["--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", "--ServerApp.open_browser=False", "--allow-root"]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", *options, "--ServerApp.base_url=/gate/"],
            cwd=home,
            env={**environ, "JUPYTER_TOKEN": token, "JUPYTER_PREFER_ENV_PATH": "1"},
            stdout=log,
            stderr=log,
        )
    try:
        yield Gateway(until_ready(server, home).rstrip("/"), token, server.pid)
    finally:
        server.terminate()
        server.wait(20)


def until_ready(server: subprocess.Popen[bytes], home: Path) -> str:
    """The URL that the server has written down once it listens."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for file in (home / "runtime").glob("jpserver-*.json"):
            if (text := file.read_text()).strip().endswith("}"):
                return str(json.loads(text)["url"])
        assert server.poll() is None, (home / "log").read_text()
        time.sleep(0.1)
    raise AssertionError(f"the Jupyter server did not start:\n{(home / 'log').read_text()}")


@pytest.fixture
def token(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_GATEWAY_AUTH_TOKEN", gateway.token)


@pytest.mark.usefixtures("token")
async def test_a_kernel_behind_a_gateway(gateway: Gateway) -> None:
    async with JupyterCodeExecutor(gateway_url=gateway.url, timeout=20) as executor:
        result = await run_in(executor, "x = 20\nprint('there')", "x + 1", "1/0")
        assert result.exit_code == 1
        assert result.output == "there\n21\nline 1: 1/0\nZeroDivisionError: division by zero"
        assert result.names is not None and result.names.created == ("x",)
        await executor.put({"numbers": [1, 2]})
        assert (await run_in(executor, "sum(numbers)")).output == "3\n"
        assert len(gateway.kernels()) == 1
        executor.timeout = 1
        stopped = await run_in(executor, "while True: pass")
        assert stopped.exit_code == 124 and stopped.output.endswith("interrupted")
        assert (await run_in(executor, "x")).output == "20\n"
    assert gateway.kernels() == []


@pytest.mark.usefixtures("token")
async def test_a_kernel_behind_a_gateway_that_dies(gateway: Gateway) -> None:
    async with JupyterCodeExecutor(gateway_url=gateway.url, timeout=60) as executor:
        result = await run_in(executor, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
        assert result.exit_code == 1 and "the kernel died, as the gateway says" in result.output
        assert (await run_in(executor, "print('new')")).output.endswith("new\n")


async def test_a_wrong_token_is_said_and_not_shown(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_GATEWAY_AUTH_TOKEN", "wrong-and-secret")
    with pytest.raises(ExecutionUnavailable, match=r"403 .*JUPYTER_GATEWAY_AUTH_TOKEN") as raised:
        await run_in(JupyterCodeExecutor(gateway_url=gateway.url), "1")
    assert "wrong-and-secret" not in str(raised.value)


@pytest.mark.usefixtures("token")
async def test_a_gateway_without_the_kernelspec(gateway: Gateway) -> None:
    with pytest.raises(ExecutionUnavailable, match=r"404 .*no such kernelspec"):
        await run_in(JupyterCodeExecutor("nothing", gateway_url=gateway.url), "1")


async def test_a_gateway_that_is_not_there() -> None:
    with pytest.raises(ExecutionUnavailable, match=r"cannot be reached|no answer"):
        await run_in(JupyterCodeExecutor(gateway_url="http://127.0.0.1:9"), "1")
    with pytest.raises(ConfigurationError, match="expected http"):
        await run_in(JupyterCodeExecutor(gateway_url="127.0.0.1:9"), "1")


@pytest.mark.usefixtures("token")
async def test_a_gateway_that_stops_in_mid_block(gateway: Gateway, tmp_path: Path) -> None:
    """The last test of the file: it stops the server."""
    executor = JupyterCodeExecutor(gateway_url=gateway.url, timeout=60)
    await executor.start()
    running = asyncio.create_task(run_in(executor, begun_and_going_on(tmp_path / "begun")))
    await until_shown(executor, "so far")
    started = time.monotonic()
    os.kill(gateway.pid, signal.SIGKILL)
    result = await asyncio.wait_for(running, 20)

    assert result.exit_code == 1 and "so far" in result.output
    assert "gateway" in result.output and time.monotonic() - started < 10
    await executor.stop()
