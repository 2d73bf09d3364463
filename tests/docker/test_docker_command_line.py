"""Blocks as processes of one hardened container, on a real engine."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import docker
import pytest

from nbagents.agents import ApprovalResponse, AssistantAgent, CodeExecutorAgent
from nbagents.cancellation import CancellationToken
from nbagents.code import CodeBlock
from nbagents.conditions import TextMentionTermination
from nbagents.errors import FunctionsNotLoaded, SandboxImageMissing, SandboxUnavailable
from nbagents.executors import (
    CodeExecutor,
    CommandLineCodeResult,
    DockerCommandLineCodeExecutor,
    create_default_code_executor,
    with_requirements,
)
from nbagents.executors.command_line import command_container
from nbagents.executors.docker import ContainerOptions, Mount
from nbagents.executors.output_text import LIMIT
from nbagents.executors.stopped_code import shown_before
from nbagents.models import ReplayChatCompletionClient
from nbagents.teams import RoundRobinGroupChat
from tests.docker.memory import SignOfLife

IMAGE = "python:3.12-slim"
WAIT_FOR_EVER = "import time, pathlib\npathlib.Path('started').touch()\nwhile True: time.sleep(60)"
NARROW = ContainerOptions(memory="128m", pids=64)


@pytest.fixture
async def executor(tmp_path: Path) -> AsyncIterator[DockerCommandLineCodeExecutor]:
    made = DockerCommandLineCodeExecutor(IMAGE, timeout=20, work_dir=tmp_path / "work", options=NARROW)
    yield made
    await made.stop()


@pytest.fixture
def client() -> Any:
    made = docker.from_env()
    yield made
    made.close()


async def run(executor: CodeExecutor, code: str, language: str = "python") -> CommandLineCodeResult:
    result = await executor.execute_code_blocks([CodeBlock(code=code, language=language)], CancellationToken())
    assert isinstance(result, CommandLineCodeResult)
    return result


async def until(path: Path) -> None:
    """Wait for a file that a block makes in the directory that both see."""
    async with asyncio.timeout(10):
        while not path.exists():
            await asyncio.sleep(0.01)


async def processes(executor: DockerCommandLineCodeExecutor) -> str:
    """The command lines of all that runs in the container, but of this question."""
    code = (
        "import glob, os\n"
        "for name in glob.glob('/proc/[0-9]*/cmdline'):\n"
        "    if name.split('/')[2] != str(os.getpid()):\n"
        "        print(open(name).read().replace('\\0', ' ')[:60])"
    )
    return (await run(executor, code)).output


async def test_blocks_of_all_languages(executor: DockerCommandLineCodeExecutor) -> None:
    assert (await run(executor, "print(6 * 7)")).output == "42\n"
    for shell in ("sh", "bash", "shell"):
        assert (await run(executor, "echo $((6 * 7))", shell)).output == "42\n"

    result = await run(executor, "import sys\nprint('out', flush=True)\nprint('err', file=sys.stderr)\nsys.exit(3)")
    assert (result.exit_code, result.output) == (3, "out\nerr\n")
    assert [each["name"] for each in result.outputs] == ["stdout", "stderr"]
    assert (await run(executor, "x", "cobol")).output == "\nunknown language cobol"
    missing = await run(executor, "Get-Date", "pwsh")
    assert missing.exit_code == 127 and f"pwsh cannot be started in the image {IMAGE}" in missing.output


async def test_it_is_hardened(executor: DockerCommandLineCodeExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-in-the-host")
    code = (
        "import os, socket\n"
        "status = dict(line.split(':\\t', 1) for line in open('/proc/self/status') if ':\\t' in line)\n"
        "print({name: status[name].strip() for name in ('CapEff', 'CapPrm', 'CapBnd', 'NoNewPrivs', 'Seccomp')})\n"
        "print(os.getuid() != 0, os.getcwd(), 'planted' in str(os.environ), socket.if_nameindex())\n"
        "try: open('/usr/x', 'w')\nexcept OSError as error: print(error.strerror)\n"
    )

    said = (await run(executor, code)).output.splitlines()

    none = "0" * 16
    assert said[0] == str({"CapEff": none, "CapPrm": none, "CapBnd": none, "NoNewPrivs": "1", "Seccomp": "2"})
    assert said[1:] == ["True /workspace False [(1, 'lo')]", "Read-only file system"]
    assert executor.loosened == [
        f"image {IMAGE} instead of the sandbox's own",
        f"code can change {executor.work_dir} of this machine, at /workspace",
    ]


async def test_files_go_both_ways(executor: DockerCommandLineCodeExecutor) -> None:
    (executor.work_dir / "in.txt").write_text("from outside")
    copy = "open('/workspace/out.txt', 'w').write(open('in.txt').read())"
    result = await run(executor, f"# filename: tools/copy.py\n{copy}")

    assert result.exit_code == 0, result.output
    assert (executor.work_dir / "out.txt").read_text() == "from outside"
    assert result.code_file == str(executor.work_dir / "tools/copy.py")
    absolute = await run(executor, "# filename: /workspace/tools/say.py\nprint(__file__)")
    assert absolute.output == "/workspace/tools/say.py\n"
    assert (executor.work_dir / "tools/say.py").stat().st_uid == executor.work_dir.stat().st_uid
    assert (await run(executor, "# filename: ../x.py\nprint(1)")).output == "Filename is not in the workspace"


async def test_a_link_that_code_makes_leads_nothing_outside(executor: DockerCommandLineCodeExecutor) -> None:
    await run(executor, "import os; os.symlink('/etc', 'link')")
    assert (executor.work_dir / "link").is_symlink()

    result = await run(executor, "# filename: link/planted-by-nbagents\nprint('ran')")

    assert (result.exit_code, result.output) == (1, "Filename is not in the workspace")
    assert not Path("/etc/planted-by-nbagents").exists()


async def test_files_of_blocks_are_removed_where_that_is_wanted(tmp_path: Path) -> None:
    executor = DockerCommandLineCodeExecutor(IMAGE, work_dir=tmp_path / "work", delete_tmp_files=True, options=NARROW)
    async with executor:
        await run(executor, "print(1)")
        await run(executor, "# filename: kept.py\nprint(1)")
        assert [path.name for path in executor.work_dir.iterdir()] == ["kept.py"]


async def test_a_timeout_kills_all_that_the_block_started(tmp_path: Path) -> None:
    executor = DockerCommandLineCodeExecutor(IMAGE, timeout=3, work_dir=tmp_path / "work", options=NARROW)
    async with executor:
        code = (
            "import os, subprocess, sys, time\n"
            "sleeper = [sys.executable, '-c', 'import time; time.sleep(61)']\n"
            "subprocess.Popen(sleeper)\n"
            "subprocess.Popen(sleeper, start_new_session=True)\n"
            "if os.fork() == 0:\n"
            "    os.setsid(); subprocess.Popen(sleeper); os._exit(0)\n"
            "print('started', flush=True)\nwhile True: pass\n"
        )
        began = time.monotonic()
        result = await run(executor, code)

        assert (result.exit_code, result.output) == (124, "started\n\n Timeout")
        assert time.monotonic() - began < 10
        assert "sleep(61)" not in await processes(executor)


@pytest.mark.parametrize("by", ["token", "task"])
async def test_cancelling_kills_the_process_in_the_container(executor: DockerCommandLineCodeExecutor, by: str) -> None:
    token = CancellationToken()
    running = asyncio.ensure_future(
        executor.execute_code_blocks(
            [CodeBlock(code=f"# filename: long.py\nprint('so far', flush=True)\n{WAIT_FOR_EVER}", language="python")],
            token,
        )
    )
    await until(executor.work_dir / "started")
    assert "long.py" in await processes(executor)
    (token if by == "token" else running).cancel()

    if by == "token":
        result = await asyncio.wait_for(running, 2)
        assert (result.exit_code, result.output) == (1, "so far\nCode execution was cancelled.")
    else:
        with pytest.raises(asyncio.CancelledError) as caught:
            await asyncio.wait_for(running, 2)
        shown = shown_before(caught.value)
        assert shown is not None and (shown.exit_code, shown.output) == (130, "so far\n")
    async with asyncio.timeout(5):
        while "long.py" in await processes(executor):
            await asyncio.sleep(0.05)


async def test_a_token_that_is_cancelled_already(executor: DockerCommandLineCodeExecutor) -> None:
    token = CancellationToken()
    token.cancel()

    result = await executor.execute_code_blocks([CodeBlock(code=WAIT_FOR_EVER, language="python")], token)

    assert (result.exit_code, result.output) == (1, "Code execution was cancelled.")
    assert not (executor.work_dir / "started").exists()


async def test_two_at_once(executor: DockerCommandLineCodeExecutor) -> None:
    long = asyncio.ensure_future(run(executor, WAIT_FOR_EVER))
    await until(executor.work_dir / "started")

    answers = await asyncio.gather(*(run(executor, f"print({number})") for number in range(5)))

    assert [each.output for each in answers] == [f"{number}\n" for number in range(5)]
    assert not long.done()
    long.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long


async def test_no_blocks(executor: DockerCommandLineCodeExecutor) -> None:
    with pytest.raises(ValueError, match="No code blocks to execute"):
        await executor.execute_code_blocks([], CancellationToken())


async def test_huge_and_binary_output_is_bounded(executor: DockerCommandLineCodeExecutor) -> None:
    await executor.start()
    tracemalloc.start()
    result = await run(executor, "for _ in range(1000): print('x' * 1_000_000)\nprint('the end')")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert result.exit_code == 0 and len(result.output) < LIMIT + 200
    assert "characters left out" in result.output and result.output.endswith("the end\n")
    assert peak < 20_000_000
    assert (await run(executor, r"import os; os.write(1, b'\xff\x00ok\n')")).output == "\ufffd\x00ok\n"


async def test_out_of_memory_is_said_within_a_second_and_the_next_block_runs(
    executor: DockerCommandLineCodeExecutor,
) -> None:
    await executor.start()
    sign = SignOfLife(executor.work_dir / "sign")
    result = await run(executor, sign.fill_memory("sign"))
    told = time.time()

    assert (result.exit_code, result.output) == (137, "so far\n\nout of memory: the container may use 128m")
    assert told - sign.last() < 1
    assert (await run(executor, "print('next')")).output == "next\n"


async def test_a_fork_bomb_is_contained(tmp_path: Path) -> None:
    executor = DockerCommandLineCodeExecutor(IMAGE, timeout=2, work_dir=tmp_path / "work", options=NARROW)
    async with executor:
        result = await run(executor, "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass")

        assert result.exit_code in (124, 137)
        assert (await run(executor, "print('next')")).output == "next\n"


async def test_code_that_kills_or_stops_the_main_process(tmp_path: Path) -> None:
    executor = DockerCommandLineCodeExecutor(IMAGE, timeout=2, work_dir=tmp_path / "work", options=NARROW)
    async with executor:
        await executor.start()
        began = time.monotonic()
        killed = await run(executor, "import os, signal; os.kill(os.getppid(), signal.SIGTERM)")
        assert time.monotonic() - began < 1
        assert killed.exit_code != 0 and "the container ended" in killed.output
        assert (await run(executor, "print('new')")).output == "new\n"

        stopped = await run(executor, "import os, signal; os.kill(os.getppid(), signal.SIGSTOP)")
        assert (stopped.exit_code, stopped.output) == (124, "\n Timeout")
        assert (await run(executor, "print('new')")).output == "new\n"


async def test_code_that_writes_to_the_main_process_streams(executor: DockerCommandLineCodeExecutor) -> None:
    """It cannot: and if it could, a line that is none ends the container, and a forged one only its own block."""
    code = (
        "import os\n"
        "try: open(f'/proc/{os.getppid()}/fd/1', 'w').write('{}\\n' * 9)\n"
        "except OSError as error: print(error.strerror)"
    )

    assert (await run(executor, code)).output == "Permission denied\n"


HOSTILE = """
import os, sys, time
os.write(1, b'{"ready": "3.12"}\\n')
sys.stdin.readline()
sys.stdout.buffer.write(%s)
sys.stdout.buffer.flush()
time.sleep(60)
"""


@pytest.mark.parametrize("line", [
    "b'no json\\n'", "b'[]\\n'", "b'[' * 100_000 + b'\\n'", "b'{\"out\": 1}\\n'", "b'{\"out\": \"x\"}\\n'",
    "b'{\"out\": 1, \"stream\": \"stdout\", \"data\": \"not base64\"}\\n'",
    "b'{\"end\": 1, \"why\": \"exit\", \"code\": Infinity}\\n'", "b'x' * 1_000_000",
])  # fmt: skip
async def test_a_container_that_sends_what_is_no_line_is_ended(
    executor: DockerCommandLineCodeExecutor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    line: bytes,
) -> None:
    monkeypatch.setattr(command_container, "supervisor_text", lambda: HOSTILE % line)

    result = await asyncio.wait_for(run(executor, "print(1)"), 10)

    assert result.exit_code != 0 and "the container" in result.output
    assert "sent what is no line of its supervisor" in caplog.text


async def test_modules_in_the_work_directory_are_not_the_supervisors(executor: DockerCommandLineCodeExecutor) -> None:
    for name in ("json", "base64", "signal"):
        (executor.work_dir / f"{name}.py").write_text("raise SystemExit('planted')")

    assert (await run(executor, "print('runs')")).output == "runs\n"


async def test_an_engine_that_goes_away_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a proxy to the real engine, which is cut off in the middle of a block."""
    real, path, writers = os.environ["DOCKER_HOST"].removeprefix("unix://"), tmp_path / "d.sock", []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        engine_reader, engine_writer = await asyncio.open_unix_connection(real)
        await asyncio.gather(pump(reader, engine_writer), pump(engine_reader, writer))

    proxy = await asyncio.start_unix_server(serve, path)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    executor = DockerCommandLineCodeExecutor(IMAGE, timeout=20, work_dir=tmp_path / "work", options=NARROW)
    running = asyncio.ensure_future(run(executor, f"print('so far', flush=True)\n{WAIT_FOR_EVER}"))
    await until(tmp_path / "work" / "started")
    proxy.close()
    path.unlink()
    for writer in writers:
        writer.close()

    result = await asyncio.wait_for(running, 4)
    assert result.exit_code != 0 and result.output.startswith("so far\n")
    assert "the Docker Engine stopped or cannot be reached" in result.output
    await executor.stop()


async def test_the_host_dies_and_no_container_is_left(tmp_path: Path, client: Any) -> None:
    program = (
        "import asyncio\n"
        "from nbagents.cancellation import CancellationToken\n"
        "from nbagents.code import CodeBlock\n"
        "from nbagents.executors import DockerCommandLineCodeExecutor\n"
        f"executor = DockerCommandLineCodeExecutor({IMAGE!r}, 'nbagents-test-dies', work_dir={str(tmp_path / 'w')!r})\n"
        f"block = CodeBlock(code={WAIT_FOR_EVER!r}, language='python')\n"
        "asyncio.run(executor.execute_code_blocks([block], CancellationToken()))\n"
    )
    host = subprocess.Popen([sys.executable, "-c", program])
    await until(tmp_path / "w" / "started")
    container = client.containers.get("nbagents-test-dies")
    host.kill()
    host.wait()

    async with asyncio.timeout(10):
        left = {"all": True, "filters": {"id": container.id}, "ignore_removed": True}
        while client.containers.list(**left):
            await asyncio.sleep(0.05)


def threads() -> list[str]:
    """Those that belong to containers."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("nbagents-") and name != "nbagents-io"]


async def test_stop_is_quick_and_leaves_nothing(
    executor: DockerCommandLineCodeExecutor, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await run(executor, "sleep 60 &", "sh")
    assert threads()
    began = time.monotonic()
    await executor.stop()

    assert time.monotonic() - began < 5
    assert threads() == [] and "nbagents" not in caplog.text
    assert not client.containers.list(all=True, filters={"name": executor.container_name}, ignore_removed=True)
    assert (await run(executor, "print('again')")).output == "again\n"


async def test_stop_in_the_middle_of_a_block(executor: DockerCommandLineCodeExecutor) -> None:
    running = asyncio.ensure_future(run(executor, WAIT_FOR_EVER))
    await until(executor.work_dir / "started")
    await executor.stop()

    result = await asyncio.wait_for(running, 2)
    assert result.exit_code != 0 and "the container was stopped" in result.output


async def test_one_that_is_dropped_without_a_stop_is_ended_and_it_is_warned_of(tmp_path: Path, client: Any) -> None:
    executor = DockerCommandLineCodeExecutor(IMAGE, work_dir=tmp_path / "work", options=NARROW)
    name = executor.container_name
    await run(executor, "print(1)")
    with pytest.warns(ResourceWarning, match=f"dropped without stop.*its container {name} is ended now"):
        del executor

    async with asyncio.timeout(10):
        while client.containers.list(all=True, filters={"name": name}, ignore_removed=True) or threads():
            await asyncio.sleep(0.05)


async def test_restart_is_a_new_container(executor: DockerCommandLineCodeExecutor) -> None:
    await run(executor, "open('/tmp/gone', 'w'); open('stays', 'w')")
    await executor.restart()

    code = "import os; print(os.path.exists('/tmp/gone'), os.path.exists('stays'))"
    assert (await run(executor, code)).output == "False True\n"


async def test_a_container_that_is_to_stay(tmp_path: Path, client: Any) -> None:
    name = "nbagents-test-stays"
    for _ in range(2):  # the second replaces that of the first
        executor = DockerCommandLineCodeExecutor(
            IMAGE, name, work_dir=tmp_path / "work", stop_container=False, auto_remove=False, options=NARROW
        )
        await run(executor, "print(1)")
        await executor.stop()
        container = client.containers.get(name)
        assert container.status == "running"
        assert threads() == []
    container.remove(force=True)


async def test_a_stop_while_it_starts_ends_it(executor: DockerCommandLineCodeExecutor, client: Any) -> None:
    starting = asyncio.ensure_future(executor.start())
    async with asyncio.timeout(10):
        while not threads():
            await asyncio.sleep(0)
    await executor.stop()
    await starting

    assert not client.containers.list(all=True, filters={"name": executor.container_name}, ignore_removed=True)
    assert threads() == []


async def test_one_that_is_kept_and_is_killed_by_somebody_else_is_told(tmp_path: Path, client: Any) -> None:
    executor = DockerCommandLineCodeExecutor(IMAGE, work_dir=tmp_path / "work", auto_remove=False, options=NARROW)
    running = asyncio.ensure_future(run(executor, WAIT_FOR_EVER))
    await until(tmp_path / "work" / "started")
    container = client.containers.get(executor.container_name)
    container.kill()
    result = await asyncio.wait_for(running, 3)

    assert result.exit_code == 137 and "SIGKILL" in result.output
    await executor.stop()
    container.remove(force=True)


async def test_a_container_of_somebody_else_is_not_replaced(tmp_path: Path, client: Any) -> None:
    theirs = client.containers.create(IMAGE, ["python3"], name="nbagents-test-theirs")
    try:
        executor = DockerCommandLineCodeExecutor(IMAGE, "nbagents-test-theirs", work_dir=tmp_path / "work")
        with pytest.raises(SandboxUnavailable, match="nbagents did not make: choose another container_name"):
            await executor.start()
        theirs.reload()
    finally:
        theirs.remove(force=True)


async def test_what_is_allowed_beyond_is_used_and_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").write_text("seen")
    other = tmp_path / "work" / "other"
    other.mkdir(parents=True)
    for path in (other, other.parent):
        os.chown(path, 1000 if os.getuid() == 0 else -1, -1)
    executor = DockerCommandLineCodeExecutor(
        IMAGE,
        work_dir=tmp_path / "work",
        extra_volumes={str(tmp_path / "data"): {"bind": "/data", "mode": "ro"}},
        extra_hosts={"database": "10.0.0.7"},
        init_command="echo initialized > /tmp/initialized",
        options=ContainerOptions(memory="128m", env={"REGION": "north"}, mounts=(Mount(str(other), "/other"),)),
    )
    async with executor:
        code = "import os; print(os.environ['REGION'], os.listdir('/other'), open('/data/x').read())"
        assert (await run(executor, code)).output == "north [] seen\n"
        assert (await run(executor, "cat /tmp/initialized", "sh")).output == "initialized\n"
        assert "10.0.0.7\tdatabase" in (await run(executor, "print(open('/etc/hosts').read())")).output
        assert "Read-only" in (await run(executor, "open('/data/y', 'w')")).output
        said = "; ".join(executor.loosened)
        assert f"code can read {tmp_path / 'data'}" in said and "REGION" in said


async def test_an_init_command_that_fails(tmp_path: Path) -> None:
    executor = DockerCommandLineCodeExecutor(
        IMAGE, work_dir=tmp_path / "work", init_command="echo no such host; exit 5", options=NARROW
    )

    with pytest.raises(SandboxUnavailable, match="init_command failed with exit code 5: no such host"):
        await run(executor, "print(1)")
    await executor.stop()


async def test_a_stop_in_the_middle_of_an_init_command_does_not_skip_it(tmp_path: Path) -> None:
    """A container in which it did not come to its end is none to run blocks in."""
    init = "touch begun; [ -e again ] || sleep 60; touch /tmp/initialized"
    executor = DockerCommandLineCodeExecutor(IMAGE, work_dir=tmp_path / "work", init_command=init, options=NARROW)
    starting = asyncio.create_task(executor.start())
    await until(tmp_path / "work" / "begun")
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    (tmp_path / "work" / "again").touch()

    assert (await run(executor, "ls /tmp/initialized", "sh")).output == "/tmp/initialized\n"
    await executor.stop()


async def test_an_image_that_is_not_there(tmp_path: Path) -> None:
    executor = DockerCommandLineCodeExecutor("localhost:1/no-such-image", work_dir=tmp_path / "work")

    with pytest.raises(SandboxImageMissing, match="'localhost:1/no-such-image' is not on the Docker Engine: and could"):
        await executor.start()


async def test_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    executor = DockerCommandLineCodeExecutor(IMAGE, work_dir=tmp_path / "work")

    with pytest.raises(SandboxUnavailable, match="no Docker Engine answers"):
        await executor.start()
    with pytest.warns(UserWarning, match="on this machine"):
        create_default_code_executor(tmp_path)


async def test_the_default_is_docker_where_there_is_an_engine(tmp_path: Path) -> None:
    found = create_default_code_executor(tmp_path / "work")

    assert isinstance(found, DockerCommandLineCodeExecutor) and found.work_dir == tmp_path / "work"


@pytest.mark.skipif(os.getuid() != 0, reason="only root makes directories of root")
async def test_a_directory_of_roots_is_not_given_away(tmp_path: Path) -> None:
    executor = DockerCommandLineCodeExecutor(IMAGE, work_dir=tmp_path, options=NARROW)

    with pytest.raises(SandboxUnavailable, match=r"belongs to root.*chown 1000:1000"):
        await run(executor, "print(1)")
    assert tmp_path.stat().st_uid == 0
    as_root = ContainerOptions(memory="128m", user="0:0")
    async with DockerCommandLineCodeExecutor(IMAGE, work_dir=tmp_path, options=as_root) as told:
        assert isinstance(told, DockerCommandLineCodeExecutor)
        assert (await run(told, "import os; open('x', 'w'); print(os.getuid())")).output == "0\n"
        assert "code runs as root inside the container" in told.loosened


@with_requirements(global_imports=["math"])
def area(radius: float) -> float:
    return math.pi * radius**2  # type: ignore[name-defined]  # noqa: F821  # imported in the container


@with_requirements(python_packages=["no-such-package-of-nbagents"])
def lost() -> None: ...


async def test_a_team_in_which_one_writes_code_and_another_runs_it(tmp_path: Path) -> None:
    answers = ["```python\nprint(6 * 7)\n```", "It is 42. TERMINATE"]
    coder = AssistantAgent("coder", model_client=ReplayChatCompletionClient(answers))
    executor = DockerCommandLineCodeExecutor(IMAGE, timeout=60, work_dir=tmp_path / "code_output")
    runner = CodeExecutorAgent("code_executor", code_executor=executor, approval_func=lambda _: ApprovalResponse(
        approved=True, reason="a test"))  # fmt: skip
    team = RoundRobinGroupChat([coder, runner], termination_condition=TextMentionTermination("TERMINATE"), max_turns=10)

    result = await team.run(task="What is 6 * 7?")

    assert [message.to_text().strip() for message in result.messages[1:]] == [answers[0], "42", answers[1]]
    await executor.stop()


async def test_functions(tmp_path: Path) -> None:
    async with DockerCommandLineCodeExecutor(IMAGE, functions=[area], options=NARROW) as executor:
        assert (await run(executor, "from functions import area; print(round(area(1)))")).output == "3\n"
        await executor.restart()
        assert (await run(executor, "import functions; print(round(functions.area(2)))")).output == "13\n"
    async with DockerCommandLineCodeExecutor(IMAGE, functions=[lost], options=NARROW) as executor:
        with pytest.raises(FunctionsNotLoaded, match="Pip install failed"):
            await run(executor, "print(1)")


def test_as_json_and_back(tmp_path: Path) -> None:
    executor = DockerCommandLineCodeExecutor(
        IMAGE, timeout=7, work_dir=tmp_path / "work", extra_volumes={"/data": {"bind": "/data", "mode": "ro"}}
    )
    said = executor.dump_component()
    provider = "autogen_ext.code_executors.docker.DockerCommandLineCodeExecutor"
    again = CodeExecutor.load_component(said.model_copy(update={"provider": provider}))

    assert said.provider == "nbagents.executors.DockerCommandLineCodeExecutor"
    assert said.config == {
        "image": IMAGE, "timeout": 7, "work_dir": str(tmp_path / "work"), "auto_remove": True, "stop_container": True,
        "functions_module": "functions", "extra_volumes": {"/data": {"bind": "/data", "mode": "ro"}}, "extra_hosts": {},
        "delete_tmp_files": False,
    }  # fmt: skip
    assert isinstance(again, DockerCommandLineCodeExecutor) and again.dump_component() == said
    assert again.container_name != executor.container_name, "two executors do not take each other's container"
