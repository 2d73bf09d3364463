"""`Cell`: what must be captured while a cell executes, because it cannot be asked for afterwards.

Jupyter addresses output, questions and insertions by the request that is being executed. A run outlives that moment
(a task, a detached run), so whatever belongs to the cell is read once, at its start.
"""

from __future__ import annotations

import sys
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ExecutionUnavailable
from .cells_in_flight import CellInFlight, CellsInFlight

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """The cell that is executing; made by `Cell.executing()` from inside of it."""

    shell: InteractiveShell
    kernel: Any | None
    """ipykernel's kernel; None in a terminal."""
    context: Context
    """A copy: tasks created with it print into this cell."""
    parent: dict[str, Any]
    """The execute_request; empty outside ipykernel."""
    ident: Any
    """Who sent it, as ZMQ addresses them."""
    allow_stdin: bool
    """False under nbclient, papermill and ``jupyter execute``: nobody is there to answer."""
    cell_id: str | None
    """The cell's id in the notebook, where the front end says it (JupyterLab)."""
    in_flight: CellInFlight | None

    @classmethod
    def executing(cls) -> Cell:
        """The cell that calls this, directly or through a magic.

        Raises:
            ExecutionUnavailable: there is no IPython shell.
        """
        from IPython.core.getipython import get_ipython

        shell = get_ipython()
        if shell is None:
            raise ExecutionUnavailable("no cell is executing: this needs IPython or a notebook, and here is neither")
        CellsInFlight.of(shell)
        kernel = getattr(shell, "kernel", None)
        parent = kernel.get_parent("shell") if kernel is not None else {}
        terminal = kernel is None and sys.stdin is not None and sys.stdin.isatty()
        return cls(
            shell=shell,
            kernel=kernel,
            context=copy_context(),
            parent=parent,
            ident=_ident(kernel),
            allow_stdin=terminal or bool(parent.get("content", {}).get("allow_stdin")),
            cell_id=(parent.get("metadata") or {}).get("cellId"),
            in_flight=CellsInFlight.started_in(),
        )

    @property
    def ended(self) -> bool:
        """True once its last line was executed: from then on the front end drops questions and insertions of it."""
        return self.in_flight is not None and self.in_flight.ended

    @property
    def can_ask(self) -> bool:
        """True while `ask_on_stdin` can reach a person through it."""
        return self.allow_stdin and not self.ended


def _ident(kernel: Any) -> Any:
    """The sender of the request; semi-private in ipykernel 6 and 7, where `input` uses the same."""
    return getattr(kernel, "_parent_ident", {}).get("shell")
