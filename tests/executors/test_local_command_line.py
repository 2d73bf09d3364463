"""Blocks as processes of this machine: what they see, what they may not, and that they end with all they started."""

from __future__ import annotations

import asyncio
import os
import sys
import time
import tracemalloc
import venv
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from nbagents.cancellation import CancellationToken
from nbagents.code import CodeBlock
from nbagents.executors import (
    CodeExecutor,
    CommandLineCodeResult,
    LocalCommandLineCodeExecutor,
    create_default_code_executor,
)
from nbagents.executors.output_text import LIMIT
from nbagents.executors.stopped_code import shown_before

WAIT_FOR_EVER = "import time, pathlib\npathlib.Path('started').touch()\nwhile True: time.sleep(60)"


@pytest.fixture
async def executor(tmp_path: Path) -> AsyncIterator[LocalCommandLineCodeExecutor]:
    with pytest.warns(UserWarning, match="on this machine with your rights"):
        made = LocalCommandLineCodeExecutor(timeout=20, work_dir=tmp_path / "work")
    yield made
    await made.stop()


async def run(executor: CodeExecutor, code: str, language: str = "python") -> CommandLineCodeResult:
    result = await executor.execute_code_blocks([CodeBlock(code=code, language=language)], CancellationToken())
    assert isinstance(result, CommandLineCodeResult)
    return result


async def until(path: Path) -> None:
    """Wait for a file that a block makes; inotify is not in the standard library."""
    async with asyncio.timeout(10):
        while not path.exists():
            await asyncio.sleep(0.01)


def alive(pid_file: Path) -> bool:
    try:
        return psutil.Process(int(pid_file.read_text())).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_python_and_shells(executor: LocalCommandLineCodeExecutor) -> None:
    assert (await run(executor, "print(1 + 1)")).output == "2\n"
    assert (await run(executor, "print('again')", "Python")).output == "again\n"
    for shell in ("sh", "bash", "shell"):
        assert (await run(executor, "echo $((6 * 7))", shell)).output == "42\n"
    assert (await run(executor, "[[ 1 == 1 ]] && echo yes", "bash")).output == "yes\n"


async def test_it_runs_in_the_work_directory_and_its_files_stay(executor: LocalCommandLineCodeExecutor) -> None:
    result = await run(executor, "open('made.txt', 'w').write('x'); import os; print(os.getcwd())")

    assert result.output.strip() == str(executor.work_dir.resolve())
    assert (executor.work_dir / "made.txt").read_text() == "x"


async def test_the_first_block_that_fails_is_the_last(executor: LocalCommandLineCodeExecutor) -> None:
    blocks = [
        CodeBlock(code="print('one')", language="python"),
        CodeBlock(code="echo two >&2; echo three; exit 3", language="sh"),
        CodeBlock(code="print('four')", language="python"),
    ]

    result = await executor.execute_code_blocks(blocks, CancellationToken())

    assert result.exit_code == 3
    assert result.output == "one\ntwo\nthree\n", "stderr of a block stands before its stdout"
    assert {each["name"] for each in result.outputs} == {"stdout", "stderr"}


async def test_no_blocks(executor: LocalCommandLineCodeExecutor) -> None:
    result = await executor.execute_code_blocks([], CancellationToken())

    assert (result.exit_code, result.output, result.code_file) == (0, "", None)


async def test_an_unknown_language(executor: LocalCommandLineCodeExecutor) -> None:
    result = await run(executor, "DISPLAY 'x'.", "COBOL")

    assert (result.exit_code, result.output) == (1, "\nunknown language cobol")


async def test_the_file_of_a_block_is_told_with_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("here").mkdir()
    with pytest.warns(UserWarning, match="runs code on this machine"):
        executor = LocalCommandLineCodeExecutor(work_dir="here")
    result = await run(executor, "# filename: say.py\nprint('said')")
    assert result.code_file == str(tmp_path.resolve() / "here/say.py")


async def test_the_files_of_blocks_go_and_those_that_a_block_names_stay(executor: LocalCommandLineCodeExecutor) -> None:
    unnamed = await run(executor, "print(__file__)")
    named = await run(executor, "# filename: tools/say.py\nprint('said')")

    assert unnamed.code_file == unnamed.output.strip() and unnamed.code_file.endswith(".py")
    assert not Path(unnamed.code_file).exists()
    assert named.code_file == str(executor.work_dir / "tools/say.py") and Path(named.code_file).exists()
    assert (await run(executor, f"{sys.executable} tools/say.py", "sh")).output == "said\n"


@pytest.mark.parametrize("name", ["../x.py", "/etc/x.py", "a/../../x.py", "", ".", "out/x.py", "loop/x.py", "a\0b"])
async def test_a_file_name_that_leads_elsewhere(executor: LocalCommandLineCodeExecutor, name: str) -> None:
    (executor.work_dir / "out").symlink_to(executor.work_dir.parent)
    (executor.work_dir / "loop").symlink_to("loop")

    result = await run(executor, f"# filename: {name}\nprint('ran')")

    assert (result.exit_code, result.output) == (1, "Filename is not in the workspace")
    assert not (executor.work_dir.parent / "x.py").exists()


async def test_a_directory_that_becomes_a_link_after_the_check_is_not_followed(
    executor: LocalCommandLineCodeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = Path.resolve

    def swapped(self: Path, strict: bool = False) -> Path:
        found = resolve(self, strict)
        if self.name == "x.py":  # what code that runs beside could do in this moment
            (executor.work_dir / "sub").symlink_to(executor.work_dir.parent)
        return found

    monkeypatch.setattr(Path, "resolve", swapped)
    result = await run(executor, "# filename: sub/x.py\nprint('ran')")

    assert result.exit_code == 1 and "cannot be written" in result.output
    assert not (executor.work_dir.parent / "x.py").exists()


async def test_a_name_that_cannot_be_written_is_said(executor: LocalCommandLineCodeExecutor) -> None:
    (executor.work_dir / "there").mkdir()

    for name in ("there", "n" * 300):
        result = await run(executor, f"# filename: {name}\nprint('ran')")
        assert result.exit_code == 1 and "cannot be written" in result.output
    assert [path.name for path in executor.work_dir.iterdir()] == ["there"]


async def test_pip_is_silent(executor: LocalCommandLineCodeExecutor) -> None:
    result = await run(executor, "cat $0\nexit 0\npip install x\n  pip install y\npip install -qqq z", "sh")

    assert "\npip install -qqq x\n  pip install y\npip install -qqq z" in result.output


async def test_secrets_are_not_passed_on(
    tmp_path: Path, executor: LocalCommandLineCodeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = {"MY_API_KEY": "planted-0123456789", "DATABASE_URL": "postgres://u:planted-pw@h/x",
               "INNOCENT": f"sk-proj-{'planted' * 4}", "JUST_TEXT": "a value"}  # fmt: skip
    for name, value in planted.items():
        monkeypatch.setenv(name, value)
    code = "import os; print(dict(os.environ))"

    result = await run(executor, code)
    assert "planted" not in result.output and "'JUST_TEXT': 'a value'" in result.output

    with pytest.warns(UserWarning, match="on this machine"):
        told = LocalCommandLineCodeExecutor(work_dir=tmp_path, env={"MY_API_KEY": "given", "PATH": os.defpath})
    given = await run(told, code)
    assert "'MY_API_KEY': 'given'" in given.output and "JUST_TEXT" not in given.output
    assert "given" not in told.dump_component().model_dump_json()


async def test_input_is_at_its_end(executor: LocalCommandLineCodeExecutor) -> None:
    assert "EOFError" in (await run(executor, "input('name? ')")).output


async def test_the_kernels_matplotlib_backend_is_not_passed_on(
    executor: LocalCommandLineCodeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")

    assert (await run(executor, "import os; print(os.environ['MPLBACKEND'])")).output == "agg\n"


async def test_bytes_that_are_no_text_and_escape_codes(executor: LocalCommandLineCodeExecutor) -> None:
    code = r"import os; os.write(1, b'\xff\xfe \x1b[31mred\x1b[0m 10%\r100%\n' + 'ü'.encode())"

    result = await run(executor, code)

    assert result.output == "100%\nü"
    assert "\ufffd\ufffd" in result.outputs[0]["text"]


async def test_huge_output_is_bounded_in_memory(executor: LocalCommandLineCodeExecutor) -> None:
    tracemalloc.start()
    result = await run(executor, "for _ in range(100): print('x' * 1_000_000)\nprint('the end')")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(result.output) < LIMIT + 100 and "characters left out" in result.output
    assert result.output.endswith("the end\n")
    assert peak < 20_000_000


async def test_a_timeout_ends_the_whole_tree_and_keeps_the_output(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="on this machine"):
        executor = LocalCommandLineCodeExecutor(timeout=2, work_dir=tmp_path)
    # A child, one in a session of its own, and one whose parent is gone.
    code = (
        "sleep 60 & echo $! > child\n"
        "setsid sh -c 'echo $$ > session; exec sleep 60' &\n"
        "(setsid sh -c 'echo $$ > daemon; exec sleep 60' >/dev/null 2>&1 &)\n"
        "while [ ! -s session -o ! -s daemon ]; do :; done\necho started\nwait\n"
    )

    result = await run(executor, code, "sh")

    assert (result.exit_code, result.output) == (124, "started\n\nTimeout")
    for name in ("child", "session", "daemon"):
        assert not alive(tmp_path / name), name
    assert (await run(executor, "print('next')")).output == "next\n"


async def test_a_block_that_leaves_something_running_ends_all_the_same(executor: LocalCommandLineCodeExecutor) -> None:
    began = time.monotonic()
    result = await run(executor, "setsid sleep 60 & echo $! > left; echo done", "sh")

    assert (result.exit_code, result.output) == (0, "done\n")
    assert time.monotonic() - began < 5
    left = executor.work_dir / "left"
    assert alive(left), "a server that is started in one block serves the next"
    await executor.stop()
    assert not alive(left)


async def test_cancelling_the_token(executor: LocalCommandLineCodeExecutor) -> None:
    token = CancellationToken()
    running = asyncio.ensure_future(
        executor.execute_code_blocks([CodeBlock(code=WAIT_FOR_EVER, language="python")], token)
    )
    await until(executor.work_dir / "started")
    token.cancel()

    result = await asyncio.wait_for(running, 2)
    assert (result.exit_code, result.output) == (125, "\nCancelled")


async def test_cancelling_the_task_ends_the_process_and_removes_the_file(
    executor: LocalCommandLineCodeExecutor,
) -> None:
    code = "import os, pathlib\nprint('so far')\npathlib.Path('pid').write_text(str(os.getpid()))\n" + WAIT_FOR_EVER
    running = asyncio.ensure_future(run(executor, code))
    await until(executor.work_dir / "started")
    running.cancel()

    with pytest.raises(asyncio.CancelledError) as caught:
        await asyncio.wait_for(running, 2)
    shown = shown_before(caught.value)
    assert shown is not None and (shown.exit_code, shown.output) == (130, "so far\n")
    assert not alive(executor.work_dir / "pid")
    assert {path.name for path in executor.work_dir.iterdir()} == {"pid", "started"}


async def test_a_token_that_is_cancelled_already(executor: LocalCommandLineCodeExecutor) -> None:
    token = CancellationToken()
    token.cancel()

    result = await executor.execute_code_blocks([CodeBlock(code=WAIT_FOR_EVER, language="python")], token)

    assert (result.exit_code, result.output) == (125, "\nCancelled")
    assert not list(executor.work_dir.iterdir())


async def test_two_at_once_do_not_hit_each_other(executor: LocalCommandLineCodeExecutor) -> None:
    token = CancellationToken()
    long = asyncio.ensure_future(run(executor, WAIT_FOR_EVER))
    await until(executor.work_dir / "started")

    same = await executor.execute_code_blocks([CodeBlock(code="print('hello')", language="python")], token)
    twice = await asyncio.gather(*(run(executor, "import time; time.sleep(.1); print(__file__)") for _ in range(2)))

    assert same.output == "hello\n" and not long.done()
    assert [each.exit_code for each in twice] == [0, 0]
    long.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long


async def test_a_shell_that_is_not_there(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="on this machine"):
        executor = LocalCommandLineCodeExecutor(work_dir=tmp_path, env={"PATH": str(tmp_path)})

    result = await run(executor, "Get-Date", "powershell")

    assert (result.exit_code, result.output) == (127, "\npwsh is not installed on this machine")


async def test_powershell_is_called_as_a_script_wants_it(tmp_path: Path) -> None:
    """No PowerShell can be installed here: what is checked is the command line that it would get."""
    stand_in = tmp_path / "bin" / "pwsh"
    stand_in.parent.mkdir()
    stand_in.write_text('#!/bin/sh\necho "$@"\n')
    stand_in.chmod(0o755)
    with pytest.warns(UserWarning, match="on this machine"):
        executor = LocalCommandLineCodeExecutor(work_dir=tmp_path, env={"PATH": f"{stand_in.parent}:{os.defpath}"})

    result = await run(executor, "Get-Date", "ps1")

    assert result.output.startswith(f"-NoProfile -ExecutionPolicy Bypass -File {tmp_path}/tmp_code_")
    assert result.code_file is not None and result.code_file.endswith(".ps1")


async def test_a_virtual_environment(tmp_path: Path) -> None:
    builder = venv.EnvBuilder(with_pip=False)
    builder.create(tmp_path / "venv")
    with pytest.warns(UserWarning, match="on this machine"):
        executor = LocalCommandLineCodeExecutor(
            work_dir=tmp_path / "work", virtual_env_context=builder.ensure_directories(tmp_path / "venv")
        )

    assert (await run(executor, "import sys; print(sys.prefix)")).output == f"{tmp_path}/venv\n"
    assert (await run(executor, "command -v python", "sh")).output == f"{tmp_path}/venv/bin/python\n"


async def test_a_temporary_directory_goes_with_stop() -> None:
    with pytest.warns(UserWarning, match="on this machine"):
        executor = LocalCommandLineCodeExecutor()
    async with executor:
        work_dir = executor.work_dir
        await run(executor, "open('x', 'w')")
        assert (work_dir / "x").exists()
    assert not work_dir.exists()
    assert (await run(executor, "print('again')")).output == "again\n"
    await executor.stop()


def test_it_says_what_it_cannot_take(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="on this machine"), pytest.raises(ValueError, match="Timeout must be greater"):
        LocalCommandLineCodeExecutor(timeout=0)
    with pytest.warns(UserWarning, match="on this machine"), pytest.raises(ValueError, match="'my-module' is not"):
        LocalCommandLineCodeExecutor(functions_module="my-module")


def test_the_default_without_an_engine_is_this_machine_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.warns(UserWarning, match="on this machine") as told:
        assert isinstance(create_default_code_executor(tmp_path), LocalCommandLineCodeExecutor)
    assert "Docker is not available or not running" in str(told[0].message) and "none.sock" in str(told[0].message)


def test_as_json_and_back(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="on this machine"):
        executor = LocalCommandLineCodeExecutor(7, tmp_path / "work", cleanup_temp_files=False)
    said = executor.dump_component()
    with pytest.warns(UserWarning, match="on this machine"):
        again = CodeExecutor.load_component(said.model_copy(update={
            "provider": "autogen_ext.code_executors.local.LocalCommandLineCodeExecutor"}))  # fmt: skip

    assert said.provider == "nbagents.executors.LocalCommandLineCodeExecutor"
    assert said.config == {"timeout": 7, "work_dir": str(tmp_path / "work"), "functions_module": "functions",
                           "cleanup_temp_files": False}  # fmt: skip
    assert isinstance(again, LocalCommandLineCodeExecutor)
    assert (again.timeout, again.work_dir, again.cleanup_temp_files) == (7, tmp_path / "work", False)
