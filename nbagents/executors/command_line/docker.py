"""`DockerCommandLineCodeExecutor`: blocks as processes of one container. Name and signature are AutoGen's.

The container is as narrow as the one of the Docker kernel: no network, no capabilities, a read-only root, not root,
bounded memory and processes. What it sees of this machine is its work directory, and what `options` and the arguments
allow beyond that. It is started by the first block, and dies with this process.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Self
from weakref import finalize as Finalizer

from ...cancellation import CancellationToken
from ...code import CodeBlock, CodeResult
from ...component import Component
from ...errors import SandboxUnavailable
from ..block_outputs import BlockOutputs
from ..docker.container_spec import ContainerOptions, Mount
from ..docker.engine import connect, probe
from ..docker.launch import launched
from ..dropped import end_when_dropped
from ..output_text import terminal_text
from ..own_process import OwnDirectory
from .code_file import CodeFile, command_for
from .code_user import USER, code_user, let_code_write
from .command_line_executor import CommandLineCodeResult, CommandLineExecutor, Ending
from .command_link import ending_of
from .docker_config import DockerCommandLineCodeExecutorConfig
from .workspace import Workspace

if TYPE_CHECKING:
    from .command_container import CommandContainer

WORKSPACE = "/workspace"
"""Where the code sees its work directory."""
TIME_TO_INSTALL = 600.0


class DockerCommandLineCodeExecutor(CommandLineExecutor, Component[DockerCommandLineCodeExecutorConfig]):
    """Runs Python, shell and PowerShell blocks in a hardened container.

    Args:
        image: any image that has Python; it is fetched if it is not on the engine.
        container_name: what the container is called; one of the same name that an executor left is replaced.
        timeout: seconds that a block may take; then it is killed, with exit code 124.
        work_dir: the directory that the code sees as ``/workspace``; a temporary one unless given.
        bind_dir: the same directory as the engine's machine calls it, where this process itself runs in a container.
        auto_remove: the container is removed when it ends.
        stop_container: `stop`, and the end of this process, end the container.
        device_requests: devices, such as GPUs, as `docker.types.DeviceRequest`.
        functions: what blocks may import from `functions_module`: functions, or what `with_requirements` made of them.
        functions_module: the name of that module.
        extra_volumes: more of the machine that the code sees: ``{"/data": {"bind": "/data", "mode": "ro"}}``.
        extra_hosts: names and addresses for the container; of use with a network only.
        init_command: run by ``sh`` when the container has started.
        delete_tmp_files: remove the files of the blocks, but not those that a block names (``# filename: x.py``).
        options: how much the container may do: network, memory, processors, runtime; the narrow defaults unless given.

    Raises:
        ValueError: `timeout` is less than a second, or `functions_module` no identifier.
    """

    component_config_schema = DockerCommandLineCodeExecutorConfig
    target = "docker"

    def __init__(
        self,
        image: str = "python:3-slim",
        container_name: str | None = None,
        *,
        timeout: int = 60,
        work_dir: Path | str | None = None,
        bind_dir: Path | str | None = None,
        auto_remove: bool = True,
        stop_container: bool = True,
        device_requests: list[Any] | None = None,
        functions: Sequence[Any] = (),
        functions_module: str = "functions",
        extra_volumes: Mapping[str, Mapping[str, str]] | None = None,
        extra_hosts: Mapping[str, str] | None = None,
        init_command: str | None = None,
        delete_tmp_files: bool = False,
        options: ContainerOptions | None = None,
    ) -> None:
        super().__init__(timeout, functions, functions_module, keep_files=not delete_tmp_files)
        self.container_name = container_name or f"nbagents-code-exec-{uuid.uuid4()}"
        self._said = DockerCommandLineCodeExecutorConfig(
            image=image,
            container_name=container_name,
            timeout=int(timeout),
            work_dir=None if work_dir is None else str(work_dir),
            bind_dir=None if bind_dir is None else str(bind_dir),
            auto_remove=auto_remove,
            stop_container=stop_container,
            functions_module=functions_module,
            extra_volumes={source: dict(volume) for source, volume in (extra_volumes or {}).items()},
            extra_hosts=dict(extra_hosts or {}),
            init_command=init_command,
            delete_tmp_files=delete_tmp_files,
        )
        self._given = options or ContainerOptions()
        self._device_requests = device_requests
        self._made_dir = work_dir is None or not Path(work_dir).exists()
        if work_dir is not None:
            Path(work_dir).mkdir(parents=True, exist_ok=True)
        self._temporary: OwnDirectory | None = None
        self._files: Workspace | None = None
        self._container: CommandContainer | None = None
        self._when_dropped: Finalizer[Any, Any] | None = None
        self._starting, self._rootless = asyncio.Lock(), False

    @property
    def work_dir(self) -> Path:
        """The directory that the code sees as ``/workspace``, on this machine."""
        if self._said.work_dir is not None:
            return Path(self._said.work_dir)
        if self._temporary is None:
            self._temporary = OwnDirectory()
        return self._temporary.path

    @property
    def bind_dir(self) -> Path:
        """The same directory as the engine's machine calls it."""
        return Path(self._said.bind_dir) if self._said.bind_dir is not None else self.work_dir

    @property
    def options(self) -> ContainerOptions:
        """What the container may do, with all that was said."""
        volumes = self._said.extra_volumes.items()
        more = (Mount(source, said["bind"], said.get("mode", "rw") == "ro") for source, said in volumes)
        work = Mount(str(self.bind_dir.resolve()), WORKSPACE, read_only=False)
        user = ":".join(map(str, self._owner())) if self._given.user == USER else self._given.user
        return replace(self._given, image=self._said.image, user=user, mounts=(work, *self._given.mounts, *more))

    @property
    def loosened(self) -> list[str]:
        """What the container may do beyond the narrowest, one sentence each."""
        said = self.options.loosened
        if self._device_requests:
            said.append("code can use devices of this machine")
        return said

    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> CommandLineCodeResult:
        """Run the blocks in order, up to the first that fails; starts the container if it does not run.

        Raises:
            ValueError: there are no blocks.
            SandboxUnavailable: there is no container.
            FunctionsNotLoaded: the functions cannot be installed or imported.
        """
        if not code_blocks:
            raise ValueError("No code blocks to execute.")
        await self.start()
        return await super().execute_code_blocks(code_blocks, cancellation_token)

    async def start(self) -> None:
        """Start the container, unless it runs.

        Raises:
            SandboxUnavailable: no engine, no image, refused, or no Python in it; or `init_command` failed.
        """
        async with self._starting:
            if self._container is not None and self._container.alive:
                return
            self._rootless = (await asyncio.to_thread(probe)).rootless
            if self._given.user == USER and not self._rootless:
                let_code_write(self.work_dir, self._owner(), made_by_us=self._made_dir)
            self._functions_loaded = not self._functions
            await self._let_go()
            self._container = await launched(
                self._made_container, lambda made: made.close(keep=False), lambda: connect().close()
            )
            self._when_dropped = end_when_dropped(
                self, partial(asyncio.to_thread, self._container.close), self._container.said_when_dropped
            )
            try:
                await self._initialize()
            except BaseException:  # it is no container of ours before that is done
                await self._let_go(keep=False)
                raise

    async def stop(self) -> None:
        """End the container, unless it is to stay, and remove the temporary directory."""
        if self._container is None:
            async with self._starting:  # one that is starting now is ended too
                pass
        await self._let_go()
        if self._temporary is not None and self._said.stop_container:
            self._temporary.remove()
            self._temporary = None

    async def restart(self) -> None:
        """Another container: what ran in the old one is gone, the files of the work directory stay.

        Raises:
            SandboxUnavailable: there is no new one.
        """
        await self._let_go(keep=False)
        await self.start()

    async def _let_go(self, *, keep: bool | None = None) -> None:
        """End the container, if there is one; one that has died still has a connection to the engine."""
        container, self._container = self._container, None
        if self._when_dropped is not None:
            self._when_dropped.detach()
        if container is not None:
            await asyncio.shield(asyncio.to_thread(container.close, keep=keep))

    def _made_container(self) -> CommandContainer:
        from .command_container import CommandContainer

        more: dict[str, Any] = {"working_dir": WORKSPACE}
        if self._said.extra_hosts:
            more["extra_hosts"] = self._said.extra_hosts
        if self._device_requests:
            more["device_requests"] = self._device_requests
        return CommandContainer(
            self.options,
            self.container_name,
            auto_remove=self._said.auto_remove,
            stay=not self._said.stop_container,
            more=more,
        )

    async def _initialize(self) -> None:
        if self._said.init_command is None:
            return
        shown = BlockOutputs()
        command = ["sh", "-c", self._said.init_command]
        ending = await self._run_command(command, TIME_TO_INSTALL, shown, CancellationToken())
        if ending.exit_code != 0:
            said = terminal_text(self._text(shown.outputs())).strip()[-500:]
            raise SandboxUnavailable(f"init_command failed with exit code {ending.exit_code}: {said}{ending.note}")

    async def _run_file(
        self, file: CodeFile, path: PurePath, outputs: BlockOutputs, cancellation_token: CancellationToken
    ) -> Ending:
        command = command_for(file.program, file.program, path.as_posix())
        return await self._run_command(command, self._timeout, outputs, cancellation_token)

    async def _install(self, packages: list[str], cancellation_token: CancellationToken) -> CodeResult:
        shown = BlockOutputs()
        pip = ["python", "-m", "pip", "install", "-qqq", *packages]
        ending = await self._run_command(pip, TIME_TO_INSTALL, shown, cancellation_token)
        outputs = shown.outputs()
        return CodeResult(exit_code=ending.exit_code, output=self._text(outputs) + ending.note, outputs=outputs)

    async def _run_command(
        self, command: list[str], timeout: float, outputs: BlockOutputs, token: CancellationToken
    ) -> Ending:
        if token.is_cancelled():
            return Ending(1, "Code execution was cancelled.")
        if self._container is None:
            return Ending(1, "\nthe container ended: it was stopped")
        cancelled = token.link_future(asyncio.get_running_loop().create_future())
        try:
            ended = await self._container.run(
                command, cwd=WORKSPACE, timeout=timeout, outputs=outputs, cancelled=cancelled
            )
        finally:
            cancelled.cancel()
        return ending_of(ended, command[0], self.options)

    def _owner(self) -> tuple[int, int]:
        return code_user(self.work_dir, made_by_us=self._made_dir, rootless=self._rootless)

    def _workspace(self) -> Workspace:
        if self._files is None or self._files.directory != self.work_dir:
            owner = self._owner() if os.getuid() == 0 and self._given.user == USER and not self._rootless else None
            self._files = Workspace(self.work_dir, Path(WORKSPACE), owner)
        return self._files

    def _to_config(self) -> DockerCommandLineCodeExecutorConfig:
        return self._said

    @classmethod
    def _from_config(cls, config: DockerCommandLineCodeExecutorConfig) -> Self:
        return cls(**config.model_dump())
