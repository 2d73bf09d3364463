"""`KernelExecutor`: blocks in a Jupyter kernel of their own: stateful, rich in output, interrupted and killed for real.

The kernel starts with the first block and is talked to on the I/O thread, so that its output, its deadlines and its
death are seen to also while the notebook's own loop stands still. Which kernel it is, a subclass says.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, ParamSpec, TypeVar
from weakref import WeakMethod

from ..cancellation import CancellationToken
from ..code import CodeBlock, CodeResult
from ..errors import ConfigurationError, ExecutionUnavailable
from ..io_thread import performed_there
from .block_order import run_in_order, together
from .block_outputs import BlockOutputs
from .code_executor import CodeExecutor
from .dropped import end_when_dropped
from .error_text import text_of
from .kernel_connection import KernelConnection
from .kernel_data import KernelDesk, SandboxFile, decoded, encoded, library_of
from .kernel_input import Ask
from .kernel_limits import KernelLimits
from .kernel_session import KernelSession
from .stopped_code import STOPPED, keep_shown, without_interrupt

T = TypeVar("T")
P = ParamSpec("P")

DATA_LIMIT = 256_000_000


class KernelExecutor(CodeExecutor):
    """Runs blocks in a kernel that is this executor's alone.

    Args:
        timeout: seconds that one block may take; None for any.
        limits: how much a block may say, and how long things may take.
        data_limit: bytes that one value or file may have that crosses.
        ask: answers `input()` in a block: takes the prompt, and whether it is a password. Without it `input()` is an
            error of the block.
    """

    languages: tuple[str, ...] = ("python", "py", "python3", "")
    """What blocks call the kernel's language."""
    sandboxed = True
    """Nobody vouches for what runs there; its HTML is cleaned."""

    def __init__(
        self,
        *,
        timeout: float | None = 60,
        limits: KernelLimits | None = None,
        data_limit: int = DATA_LIMIT,
        ask: Ask | None = None,
    ) -> None:
        if timeout is not None and timeout <= 0:
            raise ConfigurationError(f"timeout {timeout!r}: expected seconds above 0, or None for any")
        self.timeout = timeout
        self._limits = limits or KernelLimits()
        self._data_limit = data_limit
        self._ask = ask
        self._library = "pandas"
        self._here: asyncio.AbstractEventLoop | None = None
        self._made: tuple[KernelSession, KernelDesk] | None = None

    @abstractmethod
    async def _connect(self) -> KernelConnection:
        """Start a kernel, on the I/O thread."""

    @property
    def loosened(self) -> list[str]:
        """What blocks may do here beyond what is usual for this kind of executor, a plain sentence each."""
        return []

    async def start(self) -> None:
        """Start the kernel, unless it runs; the first block does so as well.

        Raises:
            ExecutionUnavailable: there is none to be had.
        """
        await _there(self._session.start)

    async def stop(self) -> None:
        """End the kernel and all that its blocks made. A later block starts another."""
        if self._made is not None:
            await _there(self._session.stop)

    async def restart(self) -> None:
        """A new kernel, without variables and files."""
        await self.stop()
        await self.start()

    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> CodeResult:
        """Run the blocks in order, up to the first that fails.

        Returns:
            `outputs` as a cell would show them; `output` as text, an error on its last lines. `exit_code` is 0, 1, 124
            for a timeout, or that of a kernel that died.

        Raises:
            ExecutionUnavailable: no kernel can be started.
            asyncio.CancelledError: the token or the task was cancelled; the block was interrupted, or killed.
        """
        results = await run_in_order(code_blocks, partial(self._execute, token=cancellation_token))
        return together(results, on_lines_of_their_own=True)

    async def _execute(self, block: CodeBlock, token: CancellationToken) -> CodeResult:
        if token.is_cancelled():
            raise asyncio.CancelledError
        if block.language.lower() not in self.languages:
            said = f"this kernel runs {self.languages[0]} only, not {block.language!r}"
            error = {"output_type": "error", "ename": "UnknownLanguage", "evalue": said, "traceback": [said]}
            return CodeResult(exit_code=1, output=said, outputs=[error])
        self._here = asyncio.get_running_loop()
        shown = BlockOutputs(self._limits.text, self._limits.rich)
        running = asyncio.ensure_future(_there(self._session.run, self._prepared(block.code), self.timeout, shown))
        token.link_future(running)
        try:
            return await running
        except asyncio.CancelledError as stopped:  # nothing writes there any more
            outputs = without_interrupt(shown.outputs())
            keep_shown(stopped, CodeResult(exit_code=STOPPED, output=text_of(outputs), outputs=outputs))
            raise

    def _prepared(self, code: str) -> str:
        return _quiet(code) if "python" in self.languages else code

    # Data -------------------------------------------------------------------------------------------------

    async def put(self, values: Mapping[str, Any]) -> None:
        """Bind names in the kernel to copies of values: ``await executor.put({"df": df, "n": 3})``.

        Frames and series of pandas, polars and what else narwhals knows cross as Arrow, numpy arrays as their bytes,
        None, bool, int, float, str, list and dict as JSON; nothing else does. Frames are frames of the same library
        there, or of pandas where that is not installed.

        Raises:
            TransferError: a value cannot cross, or is larger than `data_limit`; then none is put.
        """
        ready = {name: encoded(name, value) for name, value in values.items()}
        self._library = library_of(values)
        for name, (header, buffers) in ready.items():
            await _there(self._desk.put, name, header, buffers, self._library)

    async def get(self, name: str) -> Any:
        """A copy of what a name is bound to in the kernel; frames come back as those of the library that went in.

        Raises:
            TransferError: there is no such name, its value cannot cross, or it is larger than `data_limit`.
        """
        header, buffers = await _there(self._desk.get, name)
        return decoded(name, header, buffers, self._library)

    async def list_files(self) -> list[SandboxFile]:
        """The files in the kernel's work directory."""
        return await _there(self._desk.files)

    async def fetch(self, path: str) -> bytes:
        """The content of a file in the kernel's work directory.

        Raises:
            TransferError: there is none, it lies outside, or it is larger than `data_limit`.
        """
        return await _there(self._desk.fetch, path)

    async def put_file(self, path: str, data: bytes) -> None:
        """Write a file into the kernel's work directory.

        Raises:
            TransferError: the path leads out, the data is larger than `data_limit`, or it could not be written.
        """
        await _there(self._desk.store, path, data)

    # The kernel -------------------------------------------------------------------------------------------

    @property
    def _session(self) -> KernelSession:
        return self._parts()[0]

    @property
    def _desk(self) -> KernelDesk:
        return self._parts()[1]

    def _parts(self) -> tuple[KernelSession, KernelDesk]:
        if self._made is None:
            # The session outlives an executor that is dropped, and must not keep it.
            ask = _weakly(self._ask_here) if self._ask is not None else None
            session = KernelSession(_weakly(self._connect), self._limits, sandboxed=self.sandboxed, ask=ask)
            self._made = session, KernelDesk(session, self._data_limit)
            said = f"{type(self).__name__} was dropped without stop(): its kernel is ended now"
            end_when_dropped(self, session.stop, lambda: said if session.runs else "")
        return self._made

    async def _ask_here(self, prompt: str, password: bool) -> str:
        """Ask on the loop on which the block was started; this is called on the I/O thread."""
        assert self._ask is not None and self._here is not None  # a block has asked
        asking = asyncio.run_coroutine_threadsafe(_called(self._ask, prompt, password), self._here)
        return await asyncio.wrap_future(asking)


def _quiet(code: str) -> str:
    """`code`; a value with a semicolon behind it stays quiet, as in a cell. IPython looks for that in its history."""
    line = code.rstrip().rpartition("\n")[2].partition("#")[0].rstrip()
    return f"{code}\nNone" if line.endswith(";") and not code.lstrip().startswith("%%") else code


def _weakly(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """`method`, which does not keep whose it is."""
    reference = WeakMethod(method)

    async def called(*arguments: P.args, **options: P.kwargs) -> T:
        found = reference()
        if found is None:
            raise ExecutionUnavailable("the executor was dropped")
        return await found(*arguments, **options)

    return called


async def _called(ask: Ask, prompt: str, password: bool) -> str:
    return await ask(prompt, password)


async def _there(work: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
    """Await `work` on the I/O thread; a cancellation waits until the kernel is in order again."""
    return await performed_there(partial(work, *arguments), ends_within=None)
