"""`JupyterCodeExecutor`: blocks in a kernel of any language, on this machine or behind a gateway.

Name, arguments and result are those of AutoGen's ``autogen_ext.code_executors.jupyter``. A kernel on this machine runs
in the user's own name; it is no sandbox. It does not get the secrets of this process's environment, unless `env` says
so.
"""

from __future__ import annotations

import base64
import binascii
import os
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from ..cancellation import CancellationToken
from ..code import CodeBlock, CodeResult
from ..component import Component, ComponentConfig
from ..errors import ExecutionUnavailable
from ..secret_rules import without_secrets
from .gateway import GatewayKernel
from .kernel_connection import KernelConnection, ManagedKernel
from .kernel_executor import DATA_LIMIT, KernelExecutor
from .kernel_input import Ask
from .kernel_limits import KernelLimits

_PYTHON = ("python", "py", "python3", "")
_SUFFIX = {"image/png": "png", "image/jpeg": "jpg", "text/html": "html"}


@dataclass
class JupyterCodeResult(CodeResult):
    """What blocks did, and the files that their pictures and HTML were saved to."""

    output_files: list[Path] = field(default_factory=list)


class JupyterCodeExecutorConfig(ComponentConfig):
    """Which kernel, how long a block may take, and where pictures and HTML are saved to."""

    kernel_name: str = "python3"
    timeout: float = 60
    output_dir: str | None = None
    gateway_url: str | None = None


class JupyterCodeExecutor(KernelExecutor, Component[JupyterCodeExecutorConfig]):
    """Runs blocks in a Jupyter kernel, with its state kept from block to block.

    Args:
        kernel_name: a kernelspec of this machine, or of the gateway.
        timeout: seconds that one block may take.
        output_dir: where pictures and HTML are saved to; a temporary directory if None.
        gateway_url: a Jupyter server, Kernel Gateway or Enterprise Gateway that runs the kernel; its token is read from
            the environment variable JUPYTER_GATEWAY_AUTH_TOKEN.
        env: the whole environment of the kernel; this process's without its secrets unless given. A gateway gets only
            what is given.
        limits: how much a block may say, and how long things may take.
        data_limit: bytes that one value or file may have that crosses.
        ask: answers `input()` in a block; without it `input()` is an error of the block.
    """

    component_config_schema = JupyterCodeExecutorConfig
    target = "jupyter"
    sandboxed = False

    def __init__(
        self,
        kernel_name: str = "python3",
        timeout: float = 60,
        output_dir: Path | str | None = None,
        *,
        gateway_url: str | None = None,
        env: Mapping[str, str] | None = None,
        limits: KernelLimits | None = None,
        data_limit: int = DATA_LIMIT,
        ask: Ask | None = None,
    ) -> None:
        if timeout < 1:
            raise ValueError("Timeout must be greater than or equal to 1.")
        super().__init__(timeout=timeout, limits=limits, data_limit=data_limit, ask=ask)
        self.kernel_name, self.gateway_url = kernel_name, gateway_url
        self._given_dir = Path(output_dir) if output_dir is not None else None
        self._env = dict(env) if env is not None else None
        self._made_dir: Path | None = None

    @property
    def output_dir(self) -> Path:
        """Where pictures and HTML are saved to; it is there."""
        if self._made_dir is None:
            self._made_dir = self._given_dir or Path(tempfile.mkdtemp(prefix="nbagents-"))
            self._made_dir.mkdir(parents=True, exist_ok=True)
        return self._made_dir

    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> JupyterCodeResult:
        """Run the blocks in order, up to the first that fails; save their pictures and HTML as files.

        Raises:
            ExecutionUnavailable: no kernel can be started.
            asyncio.CancelledError: the token or the task was cancelled; the block was interrupted, or killed.
        """
        if code_blocks and self._made is None:
            await self.start()  # only now is the language known
        result = await super().execute_code_blocks(code_blocks, cancellation_token)
        return JupyterCodeResult(
            exit_code=result.exit_code,
            output=result.output,
            outputs=result.outputs,
            names=result.names,
            output_files=self._saved(result),
        )

    async def _connect(self) -> KernelConnection:
        if self.gateway_url is not None:
            kernel = GatewayKernel(self.gateway_url, self.kernel_name, self._env)
            await kernel.start()
            self._know(kernel.language)
            return kernel
        local = await self._start_local()
        self._know(local.language)
        return local

    async def _start_local(self) -> ManagedKernel:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
        from jupyter_client.manager import AsyncKernelManager

        manager = AsyncKernelManager(kernel_name=self.kernel_name)
        try:
            await manager.start_kernel(env=self._env if self._env is not None else without_secrets(os.environ))
        except NoSuchKernel:
            known = ", ".join(sorted(KernelSpecManager().find_kernel_specs())) or "none"
            raise ExecutionUnavailable(
                f"kernel_name {self.kernel_name!r}: there is no such kernelspec; there are: {known}"
            ) from None
        except OSError as error:
            raise ExecutionUnavailable(f"the kernel {self.kernel_name!r} cannot be started: {error}") from error
        return ManagedKernel(manager)

    def _know(self, language: str) -> None:
        self.languages = _PYTHON if language == "python" else (language, self.kernel_name)

    def _saved(self, result: CodeResult) -> list[Path]:
        return [
            path
            for output in result.outputs
            for mime, value in output.get("data", {}).items()
            if mime in _SUFFIX and (path := self._save(mime, value)) is not None
        ]

    def _save(self, mime: str, value: str) -> Path | None:
        path = self.output_dir / f"{uuid.uuid4().hex}.{_SUFFIX[mime]}"
        try:
            path.write_bytes(value.encode() if mime == "text/html" else base64.b64decode(value))
        except binascii.Error:  # it is no picture
            return None
        return path.absolute()

    def _to_config(self) -> JupyterCodeExecutorConfig:
        return JupyterCodeExecutorConfig(
            kernel_name=self.kernel_name,
            timeout=self.timeout or 60,
            output_dir=str(self._given_dir) if self._given_dir is not None else None,
            gateway_url=self.gateway_url,
        )

    @classmethod
    def _from_config(cls, config: JupyterCodeExecutorConfig) -> Self:
        return cls(config.kernel_name, config.timeout, config.output_dir, gateway_url=config.gateway_url)
