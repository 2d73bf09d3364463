"""A run cell: ``%%team run`` makes a run, awaits it on the kernel's loop, and ends as the run ends; so does
``%team resume`` with a run that had ended.

Interrupting the cell is Stop. Detach ends the cell and lets the run go on. Where nobody can be asked, a question
fails the cell.
"""

from __future__ import annotations

import asyncio
import builtins
import keyword
from collections.abc import MutableMapping
from typing import Any

from ..errors import ConfigurationError, JournalError
from ..kernel.cell import Cell
from ..kernel.interrupts import ticking
from ..messages import BaseChatMessage, TextMessage
from ..runtime import Approvals, Budget, Gate, Redactor, Run
from ..widgets.run_view import RunView
from .arguments import Arguments
from .building import BuiltTeam, TeamBuilder
from .code_place import code_places
from .journal_folder import JournalFolder
from .notebook_run import NotebookRun
from .session import Session
from .settings import NBAgents
from .shared_data import as_message, shared
from .specs import TeamSpec
from .team_commands import RESUME, RUN


class RunCell:
    """Runs teams from cells.

    Args:
        session: the agents, teams and runs of this kernel.
        settings: the user's settings.
        namespace: the user's variables.
    """

    def __init__(self, session: Session, settings: NBAgents, namespace: MutableMapping[str, Any]) -> None:
        self._session, self._settings, self._namespace = session, settings, namespace
        self._journals = JournalFolder(settings, namespace)

    async def __call__(self, line: str, body: str | None) -> Run:
        """``%team run``: returns the run when it has ended or was detached.

        Raises:
            ConfigurationError: what the cell says cannot be used.
            JournalError: its journal cannot be written.
            RunFailed, RunStopped, HumanInputUnavailable: how the run ended, if not with an answer.
        """
        arguments = RUN.parse(line)
        task = self._task(arguments, body)
        name = arguments.values.get("as", "")
        self._check_name(name)
        use = arguments.names.get("use", [])
        described = shared(use, self._namespace)
        spec = self._session.team(arguments.words[0])
        built = await self._build(spec, arguments.values.get("code", ""), {each: self._namespace[each] for each in use})
        budget = self._budget(arguments, spec)
        run = self._new_run(name or self._free_name(spec.name), spec, built, arguments, described, budget)
        cell = Cell.executing()
        view = run.show_in(cell)
        try:
            run.start(_messages(run, task, described), context=cell.context)
        except JournalError:  # it has not begun, and nothing is to wait for its end
            view.finish()
            raise
        if run.name in self._session.runs:
            self._session.runs[run.name].stop("a new run of its name")  # one that is paused holds containers
        self._session.runs[run.name] = run
        if name:
            self._namespace[name] = run
        await self._follow(run, view, detach="detach" in arguments.switches and cell.can_ask)
        return run

    async def resume(self, line: str) -> Run:
        """``%team resume``: returns the run when it ended or was detached. Headless, one that is done is left alone.

        Raises:
            ConfigurationError: there is no such run here, or it cannot go on, or not with that budget.
            RunFailed, RunStopped, HumanInputUnavailable: how the run ended, if not with an answer.
        """
        arguments = RESUME.parse(line)
        run, cell = self._known(arguments.words[0]), Cell.executing()
        if run.status == "done" and not cell.can_ask:
            # A notebook that is executed again, by nobody, may come to its end where it was paused once.
            print(f"run {run.name!r} is done, there is nothing to resume")
            return run
        view = run.resume_in(cell, arguments.names.get("budget"), awaited=True)
        await self._follow(run, view, detach="detach" in arguments.switches and cell.can_ask)
        return run

    def _known(self, name: str) -> NotebookRun:
        journal = self._journals.path / f"{name}.jsonl"
        if name not in self._session.runs and journal.exists():
            raise ConfigurationError(
                f"this kernel has no run {name!r}, only its journal {journal} is there: a run goes on only in the "
                "kernel that began it, and cannot be resumed from its journal yet; run its cell again"
            )
        return self._session.run(name)

    async def _build(self, spec: TeamSpec, code: str, use: dict[str, Any]) -> BuiltTeam:
        builder = TeamBuilder(self._session, self._settings, code, use)
        # In a thread: an engine may take its time to answer.
        places = await asyncio.to_thread(code_places, builder.wanted(spec))
        built = builder.build(spec, places)
        await built.work.prepare()
        return built

    async def _follow(self, run: Run, view: RunView, *, detach: bool) -> None:
        """Wait until the run has ended or the cell may go."""
        if detach:
            run.detach()
        async with ticking():
            ended = await self._wait(run)
        if ended:
            view.finish()
            await run

    async def _wait(self, run: Run) -> bool:
        """Wait for the end or the detaching; an interrupt of the cell stops the run."""
        try:
            return await run.wait_or_detach()
        except asyncio.CancelledError:
            run.stop("an interrupt")
            # The interrupt has done its work: the cell now fails with what became of the run.
            current = asyncio.current_task()
            if current is not None:
                current.uncancel()
            return await run.wait_or_detach()

    def _new_run(
        self,
        name: str,
        spec: TeamSpec,
        built: BuiltTeam,
        arguments: Arguments,
        described: dict[str, str],
        budget: Budget,
    ) -> NotebookRun:
        redactor = Redactor.from_environment()
        approve = arguments.values.get("approve", "ask")
        journal = self._journals.new(name, redactor)
        limits = budget.limits
        gate = Gate(journal, approvals=Approvals(approve), redactor=redactor, budget=budget if limits else None)
        settings = {"approve": approve, "code": built.code, "budget": limits, **built.settings}
        lock = {**built.described, "shared": described, "settings": settings}
        return NotebookRun(
            name, built.team, gate, lock=lock, stop_text=spec.stop, close=built.close, hold=built.hold,
            work=built.work, namespace=self._namespace,
        )  # fmt: skip

    def _budget(self, arguments: Arguments, spec: TeamSpec) -> Budget:
        """What this run may spend: each limit as the run's cell says it, else the team's, else the setting."""
        said = Budget.parse(arguments.names["budget"]) if "budget" in arguments.names else Budget()
        usual = Budget.parse(self._settings.budget) if self._settings.budget.strip() else Budget()
        return said.or_else(spec.budget or Budget()).or_else(usual)

    def _task(self, arguments: Arguments, body: str | None) -> str:
        task = "\n".join(part for part in (arguments.rest, (body or "").strip("\n")) if part.strip())
        if not task.strip():
            raise ConfigurationError(
                f"%team run {arguments.words[0]}: the task is missing: write it below the first line"
            )
        return task

    def _check_name(self, name: str) -> None:
        if not name:
            return
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ConfigurationError(
                f"--as {name!r}: expected a name for a variable: letters, digits and _, no keyword"
            )
        if name in self._namespace and not isinstance(self._namespace[name], Run):
            kind = type(self._namespace[name]).__name__
            raise ConfigurationError(f"--as {name}: this variable exists (type {kind}): choose another name")
        if hasattr(builtins, name):
            raise ConfigurationError(f"--as {name}: this is one of Python's own names: choose another")
        running = self._session.runs.get(name)
        if running is not None and not running.ended:
            raise ConfigurationError(
                f"run {name!r} is still going on: stop it with %team stop {name}, or choose another name"
            )

    def _free_name(self, team: str) -> str:
        number = 1
        while f"{team}_{number}" in self._session.runs:
            number += 1
        return f"{team}_{number}"


def _messages(run: Run, task: str, described: dict[str, str]) -> list[BaseChatMessage]:
    """What the team is told: the task, and of which variables."""
    messages: list[BaseChatMessage] = [TextMessage(content=task, source="user")]
    if described:
        text = run.gate.redact(as_message(described))  # a pivot makes columns of values
        messages.append(TextMessage(content=text, source="user", metadata={"nbagents": "shared"}))
    return messages
