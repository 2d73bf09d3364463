"""Which of the user's cells are being executed, so that a block of a detached run does not run into the middle of one.

A cell that merely awaits a run does not count, else the two would wait for each other for ever; nor does the cell
that the block's own run was started in. Nobody has to say so: a context variable, set when a cell begins, is
inherited by every task that the cell starts, and `awaiting` finds out what a cell is suspended for. A cell that
waits for a run by other means (an event that the run sets) says so with `awaiting_run`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from .awaiting import waits_for

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

POLL_SECONDS = 0.05


@dataclass(eq=False, slots=True)
class CellInFlight:
    """One cell from its first line to its last."""

    info: object
    """IPython's ExecutionInfo, the same object at the cell's beginning and end."""
    task: asyncio.Task[Any] | None
    thread: int = field(default_factory=threading.get_ident)
    awaiting: int = 0
    ended: bool = False

    def keeps_waiting(self, task: asyncio.Task[Any] | None) -> bool:
        """False when all that it does is to wait: for a run, or for `task`."""
        waits = self.task is not None and task is not None and waits_for(self.task, task)
        return not self.awaiting and not waits


_STARTED_IN: ContextVar[CellInFlight | None] = ContextVar("nbagents_cell", default=None)
_BY_SHELL: WeakKeyDictionary[Any, CellsInFlight] = WeakKeyDictionary()


class CellsInFlight:
    """The cells that `shell` is executing now; one object per shell: `CellsInFlight.of(shell)`."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._cells: list[CellInFlight] = []
        # The cell that loads us began before we could hear of it.
        result = getattr(shell.displayhook, "exec_result", None)
        if result is not None:
            self._began(result.info)
        shell.events.register("pre_run_cell", self._began)
        shell.events.register("post_run_cell", self._ended)

    @classmethod
    def of(cls, shell: InteractiveShell) -> CellsInFlight:
        """The one of `shell`, made at the first call."""
        if shell not in _BY_SHELL:
            _BY_SHELL[shell] = cls(shell)
        return _BY_SHELL[shell]

    def uninstall(self) -> None:
        """Listen to the shell no longer."""
        if _BY_SHELL.pop(self._shell, None) is not None:
            self._shell.events.unregister("pre_run_cell", self._began)
            self._shell.events.unregister("post_run_cell", self._ended)
            self._cells.clear()

    def __len__(self) -> int:
        return len(self._cells)

    @staticmethod
    def started_in() -> CellInFlight | None:
        """The cell that the running code was started in, which may have ended; None outside of any."""
        return _STARTED_IN.get()

    @contextmanager
    def awaiting_run(self) -> Iterator[None]:
        """Within it the executing cell does not count, because all that it does is to wait for a run."""
        cell = _STARTED_IN.get()
        if cell is None:
            yield
            return
        cell.awaiting += 1
        try:
            yield
        finally:
            cell.awaiting -= 1

    def others_are_busy(self) -> bool:
        """True while a cell executes that is neither the caller's own nor merely waiting for a run or the caller."""
        own, task = _STARTED_IN.get(), _current_task()
        return any(cell.keeps_waiting(task) for cell in list(self._cells) if cell is not own)

    async def until_others_end(self) -> None:
        """Wait until `others_are_busy` is false.

        It looks twenty times a second: that a cell begins to await the caller is nothing that anybody announces.
        """
        while self.others_are_busy():  # noqa: ASYNC110 (see above)
            await asyncio.sleep(POLL_SECONDS)

    def _began(self, info: object) -> None:
        cell = CellInFlight(info, _current_task())
        self._cells.append(cell)
        _STARTED_IN.set(cell)

    def _ended(self, result: Any) -> None:
        """`result` is None for a cell that was cancelled; a cell of nothing but spaces ends without a beginning."""
        here = [cell for cell in self._cells if cell.thread == threading.get_ident()]
        if result is not None:
            here = [cell for cell in here if cell.info is result.info]
        if here:
            here[-1].ended = True
            self._cells.remove(here[-1])


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
