"""What the executors that run each block as a command have in common: files, order, texts, functions."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import Any, ClassVar

from ...cancellation import CancellationToken
from ...code import CodeBlock, CodeResult
from ...errors import FunctionsNotLoaded
from ..block_order import run_in_order, together
from ..block_outputs import BlockOutputs
from ..code_executor import CodeExecutor
from ..output_text import cut_middle, terminal_text
from ..stopped_code import STOPPED, keep_shown
from .code_file import BlockRefused, CodeFile, code_file
from .functions_module import FUNCTION_PROMPT_TEMPLATE, FunctionsModule
from .workspace import Workspace


@dataclass
class CommandLineCodeResult(CodeResult):
    """What the blocks did; `code_file` is the file that the first of them was written into."""

    code_file: str | None = None


@dataclass(frozen=True)
class Ending:
    """How a block ended: its exit code, and what is said of it below its output."""

    exit_code: int
    note: str = ""


class CommandLineExecutor(CodeExecutor):
    """Writes each block into a file of `work_dir` and runs that; the first block that fails is the last.

    Args:
        timeout: seconds that a block may take.
        functions: what blocks may import from `functions_module`.
        functions_module: the name of that module.

    Raises:
        ValueError: `timeout` is less than a second, or `functions_module` no identifier.
    """

    SUPPORTED_LANGUAGES: ClassVar[list[str]] = ["bash", "shell", "sh", "pwsh", "powershell", "ps1", "python"]
    FUNCTION_PROMPT_TEMPLATE: ClassVar[str] = FUNCTION_PROMPT_TEMPLATE

    def __init__(self, timeout: float, functions: Sequence[Any], functions_module: str, *, keep_files: bool) -> None:
        if timeout < 1:
            raise ValueError(f"Timeout must be greater than or equal to 1, not {timeout!r}.")
        self._timeout = timeout
        self._functions = FunctionsModule(functions_module, tuple(functions))
        self._functions_loaded = not self._functions
        self._loading = asyncio.Lock()
        self._keep_files = keep_files

    @property
    @abstractmethod
    def work_dir(self) -> Path:
        """Where the files of the blocks are, on this machine."""

    @property
    def timeout(self) -> float:
        """Seconds that a block may take."""
        return self._timeout

    @property
    def functions_module(self) -> str:
        """What blocks import the functions from."""
        return self._functions.name

    def format_functions_for_prompt(self, prompt_template: str = FUNCTION_PROMPT_TEMPLATE) -> str:
        """What a model is told of the functions.

        Args:
            prompt_template: with ``$module_name`` and ``$functions``.
        """
        return self._functions.prompt(prompt_template)

    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> CommandLineCodeResult:
        """Run the blocks in order, up to the first that fails, each as a process of its own.

        Raises:
            FunctionsNotLoaded: the functions cannot be installed or imported.
        """
        async with self._loading:
            if not self._functions_loaded:
                await self._load_functions(cancellation_token)
                self._functions_loaded = True
        results = await run_in_order(code_blocks, partial(self._run_block, token=cancellation_token))
        first = next((result.code_file for result in results), None)
        whole = together(results)
        return CommandLineCodeResult(whole.exit_code, whole.output, first, outputs=whole.outputs, names=whole.names)

    @abstractmethod
    async def _run_file(
        self, file: CodeFile, path: PurePath, outputs: BlockOutputs, cancellation_token: CancellationToken
    ) -> Ending:
        """Run the file that is at `path` in the work directory."""

    @abstractmethod
    async def _install(self, packages: list[str], cancellation_token: CancellationToken) -> CodeResult:
        """Ask pip for `packages`."""

    @abstractmethod
    def _workspace(self) -> Workspace:
        """Who writes into the work directory."""

    def _text(self, outputs: list[dict[str, Any]]) -> str:
        """The output as one text, in the order in which it came."""
        return "".join(output["text"] for output in outputs)

    async def _run_block(self, block: CodeBlock, token: CancellationToken) -> CommandLineCodeResult:
        shown, path = BlockOutputs(), None
        try:
            file = code_file(block)
            with self._workspace().holding(file, keep=self._keep_files) as relative:
                path = (self.work_dir / relative).resolve()
                ending = await self._run_file(file, relative, shown, token)
        except asyncio.CancelledError as stopped:
            keep_shown(stopped, self._result(shown, Ending(STOPPED)))
            raise
        except BlockRefused as refused:
            ending = Ending(1, str(refused))
        return self._result(shown, ending, str(path) if path else None)

    def _result(self, shown: BlockOutputs, ending: Ending, code_file: str | None = None) -> CommandLineCodeResult:
        outputs = shown.outputs()
        text = cut_middle(terminal_text(self._text(outputs))) + ending.note
        if ending.note:
            outputs.append({"output_type": "stream", "name": "stderr", "text": ending.note})
        return CommandLineCodeResult(exit_code=ending.exit_code, output=text, outputs=outputs, code_file=code_file)

    async def _load_functions(self, token: CancellationToken) -> None:
        """Install what the functions need, write their module, and see that it can be imported."""
        if self._functions.packages:
            installed = await self._install(self._functions.packages, token)
            if installed.exit_code != 0:
                raise FunctionsNotLoaded(f"Pip install failed. {installed.output.strip()}")
        source = self._functions.source
        self._workspace().save(f"{self._functions.name}.py", source.encode())
        loaded = await self._run_block(CodeBlock(code=source, language="python"), token)
        if loaded.exit_code != 0:
            raise FunctionsNotLoaded(f"Functions failed to load: {loaded.output.strip()}")
