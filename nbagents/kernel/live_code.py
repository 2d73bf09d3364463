"""`LiveKernelExecutor`: agent code runs in the notebook's own kernel, on the user's data.

What an agent names here is there in the user's next cell, and the other way round; that is the point of it, and why
blocks are approved before they run. A block never runs into the middle of a cell, nor two blocks into each other.
"""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import TYPE_CHECKING, Self
from weakref import WeakKeyDictionary

from ..cancellation import CancellationToken
from ..code import CodeBlock, CodeResult
from ..component import Component, ComponentConfig
from ..errors import ExecutionUnavailable
from ..executors import CodeExecutor
from ..executors.block_order import run_in_order, together
from ..executors.fenced_code import PYTHON_FENCES
from ..executors.stopped_code import STOPPED, keep_shown
from .capture import CAPTURE
from .cells_in_flight import CellsInFlight
from .interrupts import executing
from .live_block import BlockInterrupted, LiveBlock
from .undo import UndoLog, Undone

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


class LiveKernelExecutorConfig(ComponentConfig):
    """How long a block may take; the kernel is the one that loads it."""

    timeout: float | None = None


class LiveKernelExecutor(CodeExecutor, Component[LiveKernelExecutorConfig]):
    """Runs Python blocks in the live kernel, in the user's namespace, on its main thread.

    Args:
        shell: IPython's shell; the one that executes cells here if None.
        timeout: seconds that one block may take; None for any.
    """

    component_config_schema = LiveKernelExecutorConfig
    target = "live"

    def __init__(self, shell: InteractiveShell | None = None, *, timeout: float | None = None) -> None:
        self._given_shell = shell
        self.timeout = timeout
        self._undo_log = UndoLog()

    def _to_config(self) -> LiveKernelExecutorConfig:
        return LiveKernelExecutorConfig(timeout=self.timeout)

    @classmethod
    def _from_config(cls, config: LiveKernelExecutorConfig) -> Self:
        return cls(timeout=config.timeout)

    @property
    def executing(self) -> bool:
        """True while agent code holds the main thread, so that only a signal can stop it."""
        return executing()

    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> CodeResult:
        """Run the blocks in order, up to the first that fails.

        Returns:
            `outputs` as a cell would show them; `output` as text, an error on its last lines. `exit_code` is 0 or 1.

        Raises:
            ExecutionUnavailable: there is no live kernel here, or this is not its main thread.
            asyncio.CancelledError: the token or the task was cancelled, or a person interrupted the block.
        """
        shell = self._shell()
        return together(await run_in_order(code_blocks, partial(self._execute, shell, token=cancellation_token)))

    def undo(self, blocks: int | None = None) -> Undone:
        """Bind the user's variables to what they were bound to before the last `blocks`, or before all if None.

        Names that blocks created are removed, and names that the user has bound anew since are left alone. What was
        overwritten is kept for that until the executor itself is forgotten; the ten latest blocks can be undone one
        by one, older ones only together. A block that was interrupted counts as well.

        Returns:
            What was done, and what stays as the blocks left it.
        """
        return self._undo_log.undo(blocks)

    def _shell(self) -> InteractiveShell:
        from IPython.core.getipython import get_ipython

        shell = self._given_shell or get_ipython()
        if shell is None:
            raise ExecutionUnavailable("there is no live kernel: run this in a notebook or in IPython")
        if threading.current_thread() is not threading.main_thread():
            raise ExecutionUnavailable(
                f"live code runs on the kernel's main thread, and this is {threading.current_thread().name!r}: "
                "await the run in a cell"
            )
        return shell

    async def _execute(self, shell: InteractiveShell, block: CodeBlock, token: CancellationToken) -> CodeResult:
        if token.is_cancelled():
            raise asyncio.CancelledError
        if block.language.lower() not in PYTHON_FENCES:
            said = f"the live kernel runs python only, not {block.language!r}"
            return CodeResult(exit_code=1, output=said, outputs=[_error(said)])
        if CAPTURE.get() is not None:  # a block that runs agents itself: it has the turn
            return await self._run(shell, block, token)
        turn, cells = _TURNS.setdefault(asyncio.get_running_loop(), asyncio.Lock()), CellsInFlight.of(shell)
        while True:
            # Not with the turn in hand: the cell that keeps us waiting may itself wait for whoever has the turn next.
            await cells.until_others_end()
            async with turn:
                if not cells.others_are_busy():
                    return await self._run(shell, block, token)

    async def _run(self, shell: InteractiveShell, block: CodeBlock, token: CancellationToken) -> CodeResult:
        live = LiveBlock(shell, block.code, self.timeout)
        try:
            return await _to_its_end(live, token)
        except asyncio.CancelledError as stopped:
            keep_shown(stopped, live.result(STOPPED))
            raise
        finally:
            self._undo_log.add(live.changes)


async def _to_its_end(live: LiveBlock, token: CancellationToken) -> CodeResult:
    try:
        return await live.run(token)
    except BlockInterrupted:
        # Stop interrupts and cancels. The cancellation is on its way, and says more than this interrupt can.
        await asyncio.sleep(0)
        raise asyncio.CancelledError(live.stopped_late() or "interrupted") from None


def _error(said: str) -> dict[str, object]:
    return {"output_type": "error", "ename": "ExecutionUnavailable", "evalue": said, "traceback": [said]}
