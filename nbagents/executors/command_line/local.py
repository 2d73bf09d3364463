"""`LocalCommandLineCodeExecutor`: blocks as processes of this machine. Name and signature are AutoGen's.

It is no sandbox: a block may do what you may. So in a run every block is shown and asked for, and what it is not given
are the secrets of your environment. A block ends with all the processes that it started when it takes too long or is
cancelled; what it leaves running when it ends by itself is ended with the executor.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import uuid
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from types import SimpleNamespace
from typing import Any, Self

from ...cancellation import CancellationToken
from ...code import CodeResult
from ...component import Component, ComponentConfig
from ...secret_rules import without_secrets
from ..block_outputs import BlockOutputs
from ..own_process import OwnDirectory, finalize
from .block_process import Cancelled, TimedOut, end_processes, run_process
from .code_file import CodeFile, command_for
from .command_line_executor import CommandLineExecutor, Ending
from .workspace import Workspace

NOT_FOUND = 127
"""A shell's exit code for a command that does not exist."""
TIME_TO_INSTALL = 600.0


class LocalCommandLineCodeExecutorConfig(ComponentConfig):
    """A `LocalCommandLineCodeExecutor` as JSON; the shape is AutoGen's."""

    timeout: int = 60
    work_dir: str | None = None
    functions_module: str = "functions"
    cleanup_temp_files: bool = True


class LocalCommandLineCodeExecutor(CommandLineExecutor, Component[LocalCommandLineCodeExecutorConfig]):
    """Runs Python, shell and PowerShell blocks on this machine, with your rights; warns of that when it is made.

    Args:
        timeout: seconds that a block may take; then it is killed, with exit code 124.
        work_dir: where blocks run and leave their files; a temporary directory unless given.
        functions: what blocks may import from `functions_module`: functions, or what `with_requirements` made of them.
        functions_module: the name of that module.
        cleanup_temp_files: remove the files of the blocks, but not those that a block names (``# filename: x.py``).
        virtual_env_context: the environment whose Python and programs are used, as `venv.EnvBuilder` gives it.
        env: the whole environment of the blocks; this process's without its secrets unless given.

    Raises:
        ValueError: `timeout` is less than a second, or `functions_module` no identifier.
    """

    component_config_schema = LocalCommandLineCodeExecutorConfig
    target = "local"

    def __init__(
        self,
        timeout: int = 60,
        work_dir: Path | str | None = None,
        functions: Sequence[Any] = (),
        functions_module: str = "functions",
        cleanup_temp_files: bool = True,
        virtual_env_context: SimpleNamespace | None = None,
        *,
        env: Mapping[str, str] | None = None,
    ) -> None:
        warnings.warn(
            "LocalCommandLineCodeExecutor runs code on this machine with your rights; "
            "DockerCommandLineCodeExecutor runs it in a container",
            UserWarning,
            stacklevel=2,
        )
        super().__init__(timeout, functions, functions_module, keep_files=not cleanup_temp_files)
        self._given_dir = None if work_dir is None else Path(work_dir)
        if self._given_dir is not None:
            self._given_dir.mkdir(parents=True, exist_ok=True)
        self._temporary: OwnDirectory | None = None
        self._virtual_env, self._env = virtual_env_context, env
        self._files: Workspace | None = None
        self._mark, self._blocks = f"{uuid.uuid4().hex}/", 0

    @property
    def work_dir(self) -> Path:
        """Where blocks run and leave their files."""
        if self._given_dir is not None:
            return self._given_dir
        if self._temporary is None:
            self._temporary = OwnDirectory()
        return self._temporary.path

    @property
    def cleanup_temp_files(self) -> bool:
        """The files of the blocks are removed."""
        return not self._keep_files

    async def stop(self) -> None:
        """End what blocks left running, and remove the temporary directory."""
        await self.restart()
        if self._temporary is not None:
            self._temporary.remove()
            self._temporary = self._files = None
            self._functions_loaded = not self._functions

    async def restart(self) -> None:
        """End what blocks left running; files stay, and there is no other state."""
        if self._blocks:
            await asyncio.to_thread(end_processes, self._mark)

    async def _run_file(
        self, file: CodeFile, path: PurePath, outputs: BlockOutputs, cancellation_token: CancellationToken
    ) -> Ending:
        interpreter = self._interpreter(file.program)
        if interpreter is None:
            return Ending(NOT_FOUND, f"\n{file.program} is not installed on this machine")
        command = command_for(file.program, interpreter, str((self.work_dir / path).absolute()))
        return await self._run_command(command, self._timeout, outputs, cancellation_token)

    async def _install(self, packages: list[str], cancellation_token: CancellationToken) -> CodeResult:
        shown = BlockOutputs()
        pip = [self._interpreter("python") or sys.executable, "-m", "pip", "install", "-qqq", *packages]
        ending = await self._run_command(pip, TIME_TO_INSTALL, shown, cancellation_token)
        outputs = shown.outputs()
        return CodeResult(exit_code=ending.exit_code, output=self._text(outputs) + ending.note, outputs=outputs)

    async def _run_command(
        self, command: list[str], timeout: float, outputs: BlockOutputs, token: CancellationToken
    ) -> Ending:
        if not self._blocks:
            finalize(self, end_processes, self._mark)
        self._blocks += 1
        try:
            exit_code = await run_process(
                command,
                cwd=self.work_dir,
                environ=self._environ(),
                mark=f"{self._mark}{self._blocks}/",
                outputs=outputs,
                timeout=timeout,
                cancellation_token=token,
            )
        except TimedOut:
            return Ending(124, "\nTimeout")
        except Cancelled:
            return Ending(125, "\nCancelled")
        except OSError as error:
            return Ending(NOT_FOUND, f"\n{command[0]} cannot be started: {error.strerror}")
        return Ending(exit_code)

    def _interpreter(self, program: str) -> str | None:
        path = self._environ().get("PATH")
        if program == "python":
            return os.path.abspath(self._virtual_env.env_exe) if self._virtual_env else sys.executable
        if program == "pwsh":
            return shutil.which("pwsh", path=path) or shutil.which("powershell", path=path)
        return shutil.which(program, path=path)

    def _environ(self) -> dict[str, str]:
        environ = dict(self._env) if self._env is not None else without_secrets(os.environ)
        if self._virtual_env:
            programs = os.path.abspath(self._virtual_env.bin_path)
            environ["PATH"] = f"{programs}{os.pathsep}{environ.get('PATH', os.defpath)}"
        if environ.get("MPLBACKEND", "").startswith("module://"):  # the kernel's: it shows figures in a notebook
            environ["MPLBACKEND"] = "agg"
        # What a block printed is known also when it is killed.
        return {"PYTHONUNBUFFERED": "1", **environ}

    def _workspace(self) -> Workspace:
        if self._files is None:
            self._files = Workspace(self.work_dir)
        return self._files

    def _text(self, outputs: list[dict[str, Any]]) -> str:
        """What went to stderr, then what went to stdout, as AutoGen has it."""
        return "".join(each["text"] for name in ("stderr", "stdout") for each in outputs if each["name"] == name)

    def _to_config(self) -> LocalCommandLineCodeExecutorConfig:
        return LocalCommandLineCodeExecutorConfig(
            timeout=int(self._timeout),
            work_dir=None if self._given_dir is None else str(self._given_dir),
            functions_module=self.functions_module,
            cleanup_temp_files=self.cleanup_temp_files,
        )

    @classmethod
    def _from_config(cls, config: LocalCommandLineCodeExecutorConfig) -> Self:
        return cls(config.timeout, config.work_dir, (), config.functions_module, config.cleanup_temp_files)
