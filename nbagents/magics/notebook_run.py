"""`NotebookRun`: a run that a cell started, where it is shown, and what its code did to the notebook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextvars import Context
from typing import Any, Self

from ..errors import (
    BudgetReached,
    ConfigurationError,
    ExecutionUnavailable,
    RunError,
    RunNotFinished,
    UnknownNameError,
)
from ..kernel.capture import inside_block
from ..kernel.cell import Cell
from ..kernel.undo import Undone
from ..runtime import Run
from ..widgets.run_view import RunView
from .workplaces import Workplaces


class NotebookRun(Run):
    """A run of a cell. `answer`, `messages` and the rest are those of `Run`.

    Args:
        run: as `Run`'s, by position or name.
        work: where its code runs.
        namespace: the user's variables.
    """

    def __init__(self, *run: Any, work: Workplaces, namespace: Mapping[str, Any], **more: Any) -> None:
        super().__init__(*run, **more)
        self._work, self._namespace = work, namespace
        self._view: RunView | None = None

    def show_in(self, cell: Cell, *, awaited: bool = True) -> RunView:
        """Show it in the output of `cell` from now on; a cell that showed it before says so.

        Args:
            cell: the cell that executes now.
            awaited: the cell will wait for the end and finish the view.
        """
        if self._view is not None:
            self._view.leave(cell)
        interactive = cell.can_ask if awaited else cell.allow_stdin  # a task may resume it after its cell has ended
        self._view = RunView(self, cell, interactive=interactive, awaited=awaited)
        self.gate.asker = self._view.ask
        self._view.show()
        return self._view

    def resume(
        self, budget: str | Sequence[str] | None = None, *, by: str = "you", context: Context | None = None
    ) -> Self:
        """As `Run.resume`; the run is shown in the output of the cell that calls this.

        Raises:
            ConfigurationError: it is going on, or done, or its budget would pause it at once again.
            JournalError: its journal was deleted or changed, or cannot be written.
        """
        self.resume_in(Cell.executing(), budget, by=by, awaited=False, context=context)
        return self

    def resume_in(
        self,
        cell: Cell,
        budget: str | Sequence[str] | None,
        *,
        awaited: bool,
        by: str = "you",
        context: Context | None = None,
    ) -> RunView:
        """As `resume`, in `cell`, which finishes the view that is returned if it is `awaited`."""
        if inside_block():
            raise ConfigurationError("an agent's block cannot resume a run: what it may spend is up to a person")
        if self._view is not None and self.ended:
            self._view.finish()  # of a detached run it may be about to
        super().resume(budget, by=by, context=context or cell.context)
        self._work.brought.clear()
        return self.show_in(cell, awaited=awaited)

    @property
    def how_to_resume(self) -> str:
        """The line that lets it go on."""
        return f"%team resume {self.name}{f' --budget {self._more}' if self._more else ''}"

    def _end(self, error: RunError | None) -> RunError | None:
        ended = super()._end(error)
        if isinstance(ended, BudgetReached):  # in the journal it says what happened, in a cell also what to do
            said = f"{ended} · go on with {self.how_to_resume}"
            self._error = ended = BudgetReached(said, limit=ended.limit, kind=ended.kind, needed=ended.needed)
        return ended

    def _told_of_resuming(self) -> dict[str, Any]:
        return {"again": again} if (again := self._work.blocks_to_run_again()) else {}

    @property
    def data(self) -> RunData:
        """What its code made, by the name of the variable: ``churn.data["monthly"]``."""
        return RunData(self, self._work, self._namespace)

    def undo(self, blocks: int | None = None) -> Undone:
        """Bind the variables that live blocks overwrote, or deleted, to what they were bound to before.

        Args:
            blocks: the latest so many only; the ten latest can be undone one by one. None for all.

        Returns:
            What was done and what stays; as text, one line.

        Raises:
            ExecutionUnavailable: none of its code ran in this kernel.
        """
        if self._work.live is None:
            raise ExecutionUnavailable(f"run {self.name!r} has nothing to undo: none of its code ran in this kernel")
        return self._work.live.undo(blocks)


class RunData:
    """The variables that a run's code made: of live code by name, out of containers by value."""

    def __init__(self, run: Run, work: Workplaces, namespace: Mapping[str, Any]) -> None:
        self._run, self._work, self._namespace = run, work, namespace

    def __getitem__(self, name: str) -> Any:
        """The value of a variable.

        Raises:
            RunNotFinished: it is in a container, and comes out when the run ends.
            UnknownNameError: no block made one of that name.
            ExecutionUnavailable: it could not be brought out of its container; says why.
        """
        made = self._made()
        if name not in made:
            raise UnknownNameError("result", name, made, f"no block of {self._run.name!r} made a variable")
        if made[name] == "live":
            if name not in self._namespace:
                raise UnknownNameError("variable", name, [], "it was deleted since")
            return self._namespace[name]
        return self._out_of_container(name)

    def __contains__(self, name: object) -> bool:
        return name in list(self)

    def __iter__(self) -> Iterator[str]:
        # Of live code, what an undo or a cell has deleted since is not there any more.
        return (name for name, place in self._made().items() if place != "live" or name in self._namespace)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<data of run {self._run.name!r}: {', '.join(self) or 'nothing'}>"

    def _out_of_container(self, name: str) -> Any:
        found = self._work.brought.get(name)
        if found is None and not self._run.ended:
            raise RunNotFinished(
                f"{name!r} comes out of its container when run {self._run.name!r} ends: await it first"
            )
        if found is None:
            raise ExecutionUnavailable(f"{name!r} is gone with its container: run {self._run.name!r} was stopped")
        if found.problem:
            raise ExecutionUnavailable(found.problem)
        return found.value

    def _made(self) -> dict[str, str]:
        """Where each variable is that blocks created or bound anew and have not deleted since."""
        made: dict[str, str] = {}
        targets: dict[str, str] = {}
        for entry in self._run.journal.entries:
            if entry["type"] == "effect" and entry["kind"] == "code":
                targets[entry["effect"]] = str(entry["request"].get("target", ""))
            elif entry["type"] == "result" and entry["effect"] in targets:
                names = (entry.get("value") or {}).get("names") or {}
                for name in [*names.get("created", ()), *names.get("rebound", ())]:
                    made[name] = targets[entry["effect"]]
                for name in names.get("deleted", ()):
                    made.pop(name, None)
        return made
