"""`Run`: one conversation of a team, from its task to its end, as a value.

A run owns the task that the conversation runs in: it starts it, awaits it and ends it. Everything that it says
about itself (answer, messages, usage) is read from what its gate recorded.
"""

from __future__ import annotations

import asyncio
import platform
import uuid
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextvars import Context
from dataclasses import asdict
from typing import Any, Literal, Protocol

from .. import __version__
from ..errors import BudgetReached, JournalError, NBAgentsError, RunError, RunFailed, RunNotFinished, RunStopped
from ..messages import BaseAgentEvent, BaseChatMessage, load_message
from ..models.prices import Cost
from .current import passing
from .error_redaction import redact_error
from .gate import Gate
from .journal import FORMAT, Journal
from .questions import Answer, Question
from .usage import Usage

Status = Literal["running", "waiting", "done", "paused", "stopped", "failed"]


class Result(Protocol):
    """What a team's `run` returns (AutoGen's `TaskResult`)."""

    messages: Sequence[BaseChatMessage | BaseAgentEvent]
    stop_reason: str | None


class Runnable(Protocol):
    """What can be run: a team, or an agent alone."""

    async def run(self, *, task: Any = None) -> Result:
        """Hold the conversation to its end."""


class Run:
    """One conversation.

    Args:
        name: what the user calls it.
        team: who converses.
        gate: what every effect of it passes; its journal is the run's.
        id: unique in the world; None for a new one.
        lock: what is run, for the journal's first entry: team, agents, shared, settings.
        stop_text: the word that ends the conversation; a message that says nothing else is not the answer.
        close: called when the conversation has ended, to give back what the team holds.
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
    ) -> None:
        self.name = name
        self.id = id or str(uuid.uuid4())
        self.gate = gate
        self.stop_reason = ""
        self._team = team
        self._lock, self._stop_text, self._close = dict(lock or {}), stop_text, close
        self._task: asyncio.Task[None] | None = None
        self._status: Status = "running"
        self._error: RunError | None = None
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
        self.gate.write(
            "run",
            format=FORMAT,
            id=self.id,
            name=self.name,
            nbagents=__version__,
            python=platform.python_version(),
            **self._lock,
        )
        self._task = asyncio.get_running_loop().create_task(
            self._converse(task), name=f"run {self.name}", context=context
        )

    async def wait(self) -> Run:
        """Wait for the end. Cancelling the wait leaves the run going on.

        Raises:
            RunFailed: a participant raised.
            RunStopped: a person stopped it.
            BudgetReached: what it may spend is spent.
            HumanInputUnavailable: a person was needed and could not be asked.
        """
        assert self._task is not None, "a run is started before it is awaited"
        await asyncio.wait([self._task])
        if self._error is not None:
            raise self._error
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
        """End the run and everything in it; a second call does nothing. `await run` says when it has ended."""
        if self._task is None or self.ended or self._stopped_by:
            return
        self._stopped_by = by
        self._task.get_loop().call_soon(self._task.cancel)  # a task that is cancelled before it began would never end

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

    async def _converse(self, task: str | Sequence[BaseChatMessage]) -> None:
        """The run's task. It never raises: how the run ended is kept for whoever awaits it."""
        error = await self._outcome(self._run_team(task))
        if self._close is not None:  # what it holds is given back however it ended, and that may fail too
            closing = await self._outcome(self._close())
            error = error or closing
        self._end(error)

    async def _run_team(self, task: str | Sequence[BaseChatMessage]) -> None:
        with passing(self.gate):
            self.stop_reason = (await self._team.run(task=task)).stop_reason or ""

    async def _outcome(self, work: Awaitable[None]) -> RunError | None:
        """Why `work` did not come to its end; None when it did."""
        try:
            await work
        except (Exception, asyncio.CancelledError) as failure:
            return self._failure(failure)
        return None

    def _failure(self, error: Exception | asyncio.CancelledError) -> RunError:
        if isinstance(error, asyncio.CancelledError):
            by = self._stopped_by or "an interrupt"
            return RunStopped(f"run {self.name!r} was stopped by {by} {self._when()}")
        redact_error(error, self.gate.redact)
        if isinstance(error, RunError) and not isinstance(error, RunFailed):
            return error
        text = " ".join(self.gate.redact(str(error)).split()) or type(error).__name__
        if isinstance(error, RunFailed):  # the team's words say who and when
            said, agent, turn = text, error.agent, error.turn
        else:
            said = text if isinstance(error, NBAgentsError) else f"{type(error).__name__}: {text}"
            agent, turn = "", self.gate.turn
        failure = RunFailed(f"run {self.name!r}: {said}", agent=agent, turn=turn)
        failure.__cause__ = error
        return failure

    def _when(self) -> str:
        return f"in turn {self.gate.turn}" if self.gate.turn else "before the first turn"

    def _end(self, error: RunError | None) -> None:
        """Keep how it ended, then write the last entry."""
        self._error = error
        self._status = _status_after(error)
        self.stop_reason = str(error) if error is not None else self.stop_reason
        cost = self.cost
        usage: dict[str, Any] = {"calls": self.usage.calls, **asdict(self.usage.total), "cost": cost.usd}
        if cost.unknown:
            usage["unpriced"] = list(cost.unknown)
        if self.usage.failed:
            usage["failed"] = len(self.usage.failed)
        if self.usage.estimated:
            usage["estimated"] = True
        try:
            said = str(error) if error is not None else None
            self.gate.write("end", status=self._status, reason=self.stop_reason, usage=usage, error=said)
        except JournalError as unwritten:
            self._error, self._status = RunFailed(str(unwritten)), "failed"
        finally:
            self.journal.close()

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
        found = []
        for entry in self.journal.entries:
            if entry["type"] == "task":
                found += [load_message(message) for message in entry["messages"]]
            elif entry["type"] == "message":
                found.append(load_message(entry["message"]))
        return found

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
        for message in reversed(self.messages):
            if isinstance(message, BaseChatMessage) and message.source != "user" and self._says_something(message):
                return message.to_text()
        return ""

    def _says_something(self, message: BaseChatMessage) -> bool:
        text = message.to_text()
        rest = text.replace(self._stop_text, "") if self._stop_text else text
        return any(character.isalnum() for character in rest)


def _status_after(error: RunError | None) -> Status:
    if error is None:
        return "done"
    if isinstance(error, BudgetReached):
        return "paused"
    return "stopped" if isinstance(error, RunStopped) else "failed"
