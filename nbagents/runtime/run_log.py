"""What a run writes down and shows as it happens: messages, turns, and each effect with its outcome.

The journal is written first, then the listeners are told. A piece of a streamed answer is shown only, as soon as it
comes: on the I/O thread where it is read there, so that it is seen while the loop waits for a busy cell.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol
from weakref import WeakValueDictionary

from ..messages import BaseAgentEvent, BaseChatMessage, ModelClientStreamingChunkEvent
from ..models.prices import dollars
from .allowance import Allowance
from .budget import Budget
from .error_redaction import redact_error
from .hold import let_through
from .journal import Journal, dumped, effect_key
from .journal_lines import Entry
from .pieces import Pieces
from .redaction import Redactor
from .spans import NoSpan, Span, effect_span
from .usage import ModelCall, Usage, costs, spend


class Listener(Protocol):
    """Follows a run: the screen, a log."""

    def entry(self, entry: Entry) -> None:
        """An entry was written to the journal; called on the run's loop."""

    def chunk(self, agent: str, message_id: str, text: str) -> None:
        """A piece of an answer arrived; pieces are shown, never recorded. Called on the I/O thread too.

        What may be the beginning of a secret comes with a later piece, or only with the message.
        """


class Effect:
    """What `RunLog.performing` hands to the code that performs: the place for its outcome."""

    __slots__ = ("_told", "cost", "failed", "id", "key", "outcome", "span")

    def __init__(self, id: str, key: str, span: Span | NoSpan) -> None:
        self.id, self.key, self.span = id, key, span
        self.outcome: Any = None
        self.cost: ModelCall | None = None
        self.failed: list[ModelCall] = []
        """Of a model call: its attempts that failed and cost something."""
        self._told = 0

    def untold(self) -> list[ModelCall]:
        """The failed attempts that no entry of the journal names yet; from now on one does."""
        calls, self._told = self.failed[self._told :], len(self.failed)
        return calls


class RunLog:
    """The log of one run.

    Args:
        journal: where everything is recorded.
        redactor: takes secrets out of what is recorded and shown.
        budget: what may be spent; None is no limit.
    """

    def __init__(self, journal: Journal | None, redactor: Redactor | None, budget: Budget | None) -> None:
        self.redact = redactor or Redactor.from_environment()
        self.journal = journal or Journal(redact=self.redact)
        self.usage = Usage()
        self.listeners: list[Listener] = []
        self.turn = self.taken = 0
        """The turn that goes on, and how many are over."""
        self.conversation = ""
        """The id of the run, where there is one."""
        self.resumed = False
        """The run has ended before, and goes on."""
        self.budget = budget
        self._effects = 0
        self._pieces: dict[tuple[str, str], Pieces] = {}
        self._recorded: WeakValueDictionary[int, BaseChatMessage | BaseAgentEvent] = WeakValueDictionary()

    @property
    def budget(self) -> Budget | None:
        """What may be spent; it may be set anew between two runs of a team."""
        return self.allowance.budget if self.allowance is not None else None

    @budget.setter
    def budget(self, budget: Budget | None) -> None:
        self.allowance = Allowance(budget, self.usage, self._unpriced) if budget is not None else None

    def held(self) -> None:
        """The run has ended; it may go on later."""
        if self.allowance is not None:
            self.allowance.held()

    def go_on(self, budget: Budget | None) -> None:
        """The run goes on with `budget`: what it spent stays spent, and the turn that was left is taken again."""
        if budget is not None and self.allowance is not None:
            self.allowance.go_on(budget, self.usage)
        else:
            self.budget = budget
        self.turn, self.resumed = self.taken, True
        self._pieces.clear()

    def _unpriced(self, model: str) -> None:
        assert self.budget is not None and self.budget.usd is not None, "only a limit in dollars needs a price"
        self.write("unpriced", model=model, limit=dollars(self.budget.usd))

    def write(self, type: str, /, **fields: Any) -> Entry:
        """Write one entry to the journal and tell the listeners."""
        entry = self.journal.write(type, **fields)
        for listener in self.listeners:
            listener.entry(entry)
        return entry

    def note(self, type: str, /, **fields: Any) -> None:
        """As `write`, but a run that nobody follows and that is kept in memory only puts off the work."""
        if self.listeners:
            self.write(type, **{name: dumped(value) for name, value in fields.items()})
        else:
            self.journal.note(type, **fields)

    def record(self, message: BaseChatMessage | BaseAgentEvent) -> None:
        """Record one message or event before anybody acts on it. Streaming chunks are shown and not kept.

        A message of a run within a run is handed on by the runs around it: it is recorded the first time only.
        """
        if isinstance(message, ModelClientStreamingChunkEvent) and not self.listeners:
            return
        if self._recorded.get(id(message)) is message:
            return
        if isinstance(message, ModelClientStreamingChunkEvent):
            self._show_unless_shown(message)
        else:
            if self._pieces:
                self._pieces.pop((message.source, message.id), None)
                self._pieces.pop((message.source, ""), None)
            self.note("message", turn=self.turn, message=message)
        self._recorded[id(message)] = message  # only now: what could not be written is told again by a run that goes on

    def speaker(self, agents: Sequence[str]) -> None:
        """A turn begins: these agents speak.

        Raises:
            BudgetReached: no turn is left.
        """
        if self.allowance is not None:
            self.allowance.take_turn(self.turn)
        self.turn += 1
        self.note("speaker", turn=self.turn, agents=tuple(agents))

    # Pieces of answers ------------------------------------------------------------------------------------

    def shows_early(self, agent: str, message_id: str | None) -> Callable[[Any], None] | None:
        """Takes the parts of an answer on the I/O thread, and shows those that are text; None if nobody looks.

        Args:
            agent: who writes.
            message_id: the id of the message that the pieces belong to, which the agent's events will name.
        """
        if message_id is None or not self.listeners:
            return None
        pieces = self._pieces[agent, message_id] = Pieces(self.redact)

        def heard(part: Any) -> None:
            self._show(agent, message_id, pieces.shown_early(part) if isinstance(part, str) else pieces.rest())

        return heard

    def heard_all(self, agent: str, message_id: str | None) -> None:
        """A streamed answer has ended."""
        key = agent, message_id or ""
        pieces = self._pieces.get(key)
        if pieces is not None:
            self._show(*key, pieces.rest())
            if pieces.done:
                del self._pieces[key]

    def _show_unless_shown(self, piece: ModelClientStreamingChunkEvent) -> None:
        key = piece.source, piece.full_message_id or ""
        pieces = self._pieces.get(key)
        if pieces is None:
            pieces = self._pieces[key] = Pieces(self.redact)
        if not pieces.passes():
            self._show(*key, pieces.shown(piece.content))

    def _show(self, agent: str, message_id: str, text: str) -> None:
        for listener in list(self.listeners) if text else ():
            listener.chunk(agent, message_id, text)

    # Effects ----------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def performing(
        self, kind: str, agent: str, request: dict[str, Any], recorded: dict[str, Any] | None = None
    ) -> AsyncIterator[Effect]:
        """Record the start of an effect, then its outcome, whatever that is. A run that is held waits before it."""
        await let_through()
        self._effects += 1
        id, started = f"e{self._effects}", time.perf_counter()
        with effect_span(kind, agent, recorded or request) as span:
            effect = Effect(id, effect_key(kind, agent, request), span)
            self.note("effect", effect=id, kind=kind, agent=agent, key=effect.key, request=recorded or request)
            try:
                yield effect
            except BaseException as error:
                redact_error(error, self.redact)
                self._pay(effect.failed)
                said = f"{type(error).__name__}: {error}"
                self._finished(id, started, ok=False, error=said, value=effect.outcome, **costs(effect.untold()))
                raise
            answered = [] if effect.cost is None else [effect.cost]
            self._pay([*effect.failed, *answered])
            self._finished(id, started, ok=True, value=effect.outcome, **costs(answered))

    def _pay(self, calls: Sequence[ModelCall]) -> None:
        """Put model calls on the accounts."""
        for call in calls:
            self.usage.made.append(call)
            spend(call)

    def _finished(self, id: str, started: float, **fields: Any) -> None:
        self.note("result", effect=id, seconds=round(time.perf_counter() - started, 3), **fields)
