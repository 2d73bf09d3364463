"""`NotebookRun`: a run that a cell started, with what its code did to the notebook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import ExecutionUnavailable, RunNotFinished, UnknownNameError
from ..kernel.undo import Undone
from ..runtime import Run
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
