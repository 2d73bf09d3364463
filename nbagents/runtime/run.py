"""`Run`: one conversation of a team, from its task to its end, as a value.

A run owns the task that the conversation runs in: it starts it, awaits it and ends it. Everything that it says
about itself (answer, messages, usage) is read from what its gate recorded. A run that ended without being done can go
on where it stopped: with the same team and gate, in the same journal.
"""

from __future__ import annotations

import asyncio
import platform
import uuid
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextvars import Context
from typing import Any

from .. import __version__
from ..errors import BudgetReached, JournalError, RunError, RunFailed, RunNotFinished, RunStopped
from ..messages import BaseAgentEvent, BaseChatMessage
from ..models.prices import Cost
from .current import passing
from .gate import Gate
from .journal import FORMAT, Journal
from .questions import Answer, Question
from .resuming import budget_to_go_on, check_resumable, more_needed
from .run_end import Status, failure_of, spent, status_after
from .runnable import Runnable
from .said import answer_in, messages_of
from .usage import Usage


class Run:
    """One conversation.

    Args:
        name: what the user calls it.
        team: who converses.
        gate: what every effect of it passes; its journal is the run's.
        id: unique in the world; None for a new one.
        lock: what is run, for the journal's first entry: team, agents, shared, settings.
        stop_text: the word that ends the conversation; a message that says nothing else is not the answer.
        close: called when the conversation has ended, to give back what the team holds; the team may use it again when
            the run goes on.
        hold: called instead when its budget paused it, and the team keeps what it holds.
    """

    def __init__(
        self,
        name: str,
        team: Runnable,
        gate: Gate,
        *,
        id: str | None = None,
        lock: Mapping[str, Any] | None = None,
        stop_text: str = "",
        close: Callable[[], Awaitable[None]] | None = None,
        hold: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.name = name
        self.id = id or str(uuid.uuid4())
        self.gate, gate.conversation = gate, self.id
        self.stop_reason = ""
        self._team = team
        self._lock, self._stop_text, self._close, self._hold = dict(lock or {}), stop_text, close, hold
        self._asked: str | Sequence[BaseChatMessage] = ""
        self._task: asyncio.Task[RunError | None] | None = None
        self._status: Status = "running"
        self._error: RunError | None = None
        self._reached: BudgetReached | None = None
        self._stopped_by = ""
        self._detached = asyncio.Event()

    def __repr__(self) -> str:
        turns = f"{self.gate.turn} turn{'' if self.gate.turn == 1 else 's'}"
        return f"<Run {self.name!r}: {self.status}, {turns}, {self.usage}>"

    # Its life ---------------------------------------------------------------------------------------------

    def start(self, task: str | Sequence[BaseChatMessage], context: Context | None = None) -> None:
        """Begin the conversation as a task of the running loop.

        Args:
            task: what the team is to do.
            context: the context of the cell that started it, so that what it prints belongs to that cell.
        """
        assert self._task is None, "a run starts once"
        made_by = {"nbagents": __version__, "python": platform.python_version()}
        self.gate.write("run", format=FORMAT, id=self.id, name=self.name, **made_by, **self._lock)
        self._asked = task
        self._begin(task, context)

    def _begin(self, task: str | Sequence[BaseChatMessage] | None, context: Context | None) -> None:
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._converse(task), name=f"run {self.name}", context=context)

    def resume(
        self, budget: str | Sequence[str] | None = None, *, by: str = "you", context: Context | None = None
    ) -> Run:
        """Go on where the run stopped: paused by its budget, stopped, or failed. It stays one run with one journal.

        A turn that was not complete is taken again, with its number.

        Args:
            budget: what it may spend, as in "+0.50 +4turns": with a + it is added to the old limit, without it takes
                its place; limits that are not said stay.
            by: who lets it go on.
            context: as in `start`.

        Returns:
            The run, so that ``await run.resume("+0.50")`` waits for its end.

        Raises:
            ConfigurationError: it is going on, or done, or its budget would pause it at once again.
            JournalError: its journal was deleted or changed, or cannot be written.
            RuntimeError: no event loop is running here.
        """
        asyncio.get_running_loop()  # before anything is written
        ended = self._task is not None and self._task.done()
        check_resumable(self.name, self._status, ended=ended)
        new = budget_to_go_on(self.name, self.gate.budget, budget, self._reached, self.how_to_resume)
        self.journal.reopen()
        if self.journal.entries[-1]["type"] != "end":  # it could not be written then
            self._write_end()
        self.gate.write("resumed", by=by, budget=new.limits if new else None, **self._told_of_resuming())
        self.gate.go_on(new)
        self._error, self._status, self.stop_reason, self._stopped_by, self._reached = None, "running", "", "", None
        self._detached = asyncio.Event()
        heard = any(entry["type"] == "task" for entry in self.journal.entries)
        self._begin(None if heard else self._asked, context)
        return self

    def _told_of_resuming(self) -> dict[str, Any]:
        return {}

    @property
    def how_to_resume(self) -> str:
        """What to write to let it go on."""
        return f"{self.name}.resume({self._more!r})" if self._more else f"{self.name}.resume()"

    @property
    def _more(self) -> str:
        return more_needed(self.gate.budget, self._reached)

    async def wait(self) -> Run:
        """Wait for the end. Cancelling the wait leaves the run going on.

        Raises:
            RunFailed: a participant raised.
            RunStopped: a person stopped it.
            BudgetReached: what it may spend is spent.
            HumanInputUnavailable: a person was needed and could not be asked.
        """
        assert self._task is not None, "a run is started before it is awaited"
        [ended], _ = await asyncio.wait([self._task])
        if (error := ended.result()) is not None:
            raise error
        return self

    def __await__(self) -> Generator[Any, None, Run]:
        return self.wait().__await__()

    async def wait_or_detach(self) -> bool:
        """Wait for the end or for `detach`, whichever is first. True when the run has ended."""
        assert self._task is not None, "a run is started before it is awaited"
        detached = asyncio.ensure_future(self._detached.wait())
        try:
            await asyncio.wait([self._task, detached], return_when=asyncio.FIRST_COMPLETED)
        finally:
            detached.cancel()
        return self._task.done()

    def detach(self) -> None:
        """Let the cell that awaits the run go; the run goes on."""
        if not self._detached.is_set() and not self.ended:
            self.gate.write("detached")
            self._detached.set()

    def stop(self, by: str = "you") -> None:
        """End the run and everything in it; a second call does nothing. `await run` says when it has ended.

        A run that its budget paused gives back what it holds.
        """
        if self._task is None or self._stopped_by or (self.ended and self._status != "paused"):
            return
        self._stopped_by = by
        if self._status == "paused":
            self._task = self._task.get_loop().create_task(self._give_up(), name=f"end of run {self.name}")
        else:  # a task that is cancelled before it began would never end
            self._task.get_loop().call_soon(self._task.cancel)

    def answer_question(self, answer: Answer, id: str | None = None) -> Question | None:
        """Answer the question called `id`, or the oldest one.

        Returns:
            The question, or None when nothing is being asked.

        Raises:
            UnknownNameError: no such question waits.
            ConfigurationError: the decision does not answer it.
        """
        question = self.gate.questions.get(id) if id else self.gate.questions.oldest()
        if question is not None:
            question.answer(answer)
        return question

    async def _converse(self, task: str | Sequence[BaseChatMessage] | None) -> RunError | None:
        """The run's task. It never raises: it gives back how the run ended, for whoever awaits it."""
        error = await self._outcome(self._run_team(task))
        if isinstance(error, BudgetReached) and self._hold is not None:
            error = await self._outcome(self._hold()) or error
            if isinstance(error, BudgetReached):
                return self._end(error)
        if self._close is not None:  # what it holds is given back however it ended, and that may fail too
            closing = await self._outcome(self._close())
            error = error or closing
        return self._end(error)

    async def _give_up(self) -> RunError | None:
        """The end of a paused run: what it still holds is given back."""
        error = RunStopped(f"run {self.name!r} was stopped by {self._stopped_by} when it was paused")
        closing = await self._outcome(self._close()) if self._close is not None else None
        return self._end(closing or error)

    async def _run_team(self, task: str | Sequence[BaseChatMessage] | None) -> None:
        with passing(self.gate):
            self.stop_reason = (await self._team.run(task=task)).stop_reason or ""

    async def _outcome(self, work: Awaitable[None]) -> RunError | None:
        """Why `work` did not come to its end; None when it did."""
        try:
            await work
        except (Exception, asyncio.CancelledError) as failure:
            return failure_of(failure, self.name, self.gate, self._stopped_by)
        return None

    def _end(self, error: RunError | None) -> RunError | None:
        """Keep how it ended, then write the last entry."""
        self._error, self._status = error, status_after(error)
        self._reached = error if isinstance(error, BudgetReached) else self._reached  # also when it is stopped then
        self.gate.held()
        self.stop_reason = str(error) if error is not None else self.stop_reason
        try:
            self.journal.reopen()  # of a run that was paused it is closed
            self._write_end()
        except JournalError as unwritten:
            self._error, self._status = RunFailed(str(unwritten)), "failed"
        finally:
            self.journal.close()
        return self._error

    def _write_end(self) -> None:
        said = str(self._error) if self._error is not None else None
        how = {"status": self._status, "reason": self.stop_reason, "usage": spent(self.usage), "error": said}
        self.gate.write("end", **how, more=self._more or None)

    # What it says about itself ----------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """True once it is done, paused, stopped or failed."""
        return self._status != "running"

    @property
    def status(self) -> Status:
        """running; waiting (for a person); done, paused (its budget is spent), stopped or failed."""
        return "waiting" if not self.ended and self.gate.questions.oldest() else self._status

    @property
    def journal(self) -> Journal:
        """The run on disk; `journal.entries` are its lines, `journal.path` its file."""
        return self.gate.journal

    @property
    def usage(self) -> Usage:
        """What it spent so far."""
        return self.gate.usage

    @property
    def cost(self) -> Cost:
        """What it cost so far, in US dollars; says of which models the price is not known."""
        return self.gate.usage.cost

    @property
    def messages(self) -> list[BaseChatMessage | BaseAgentEvent]:
        """The conversation so far, the task first."""
        return messages_of(self.journal.entries)

    @property
    def answer(self) -> str:
        """What the team answered: its last message that says more than the word that ends the conversation.

        Raises:
            RunNotFinished: the run has not ended.
            RunFailed, RunStopped, HumanInputUnavailable: it ended without an answer.
        """
        if not self.ended:
            raise RunNotFinished(f'run {self.name!r} has not ended: put "await {self.name}" before this')
        if self._error is not None:
            raise self._error
        return answer_in(self.messages, self._stop_text)
