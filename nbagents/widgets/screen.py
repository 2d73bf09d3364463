"""What the browser is to show of a run, as messages: a snapshot for a view that begins, then numbered deltas.

    {t: "snapshot", view, seq, run, status, items, question}    to one view
    {t: "seq", seq}                                             to all: the number of the last delta
    {t: "delta", seq, ops}                                      to all; an op is one of
        {op: "put", item, after}        show the item, new or changed, behind the one called `after` ("": first)
        {op: "text", id, html, tail}    append to a draft, and replace its unfinished rest
        {op: "drop", id}  {op: "status", status}  {op: "question", question}

An item is {id, kind, agent, turn, title, state, label, html}; its HTML is made and cleaned here, and everything else
is shown as text. While an agent writes, its text is a draft behind all items, and so is a call of a tool.

Entries come on the run's loop, pieces of text on the I/O thread too, and deltas are made and sent there: one lock, the
batcher's, keeps them apart.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from .. import io_thread
from . import wording
from .batcher import Batcher, Op, Timer
from .drafts import Draft, ends
from .entry_texts import Entry
from .items import Asked, Block, Item, ToolCall
from .plain import encodable
from .render import item_html
from .sanitize import visible
from .transcript import Transcript

Message = dict[str, Any]


class Screen:
    """One run's screen, shown in any number of views.

    Args:
        send: takes one message to the browser; called in any thread.
        later: makes a call in so many seconds, on a thread that no cell keeps busy.
    """

    def __init__(
        self,
        send: Callable[[Message], None],
        later: Callable[[float, Callable[[], None]], Timer] = io_thread.call_later,
    ) -> None:
        self.transcript = Transcript()
        """Changes on the run's loop only."""
        self._send = send
        self._batch = Batcher(self._ops, send, later)
        self._drafts: dict[str, Draft] = {}
        self._drafts_shown: set[str] = set()
        self._told: tuple[Any, ...] = ()
        self._watched = False

    def entry(self, entry: Entry) -> None:
        """Show what a journal's entry says."""
        with self._batch.lock:
            self.transcript.apply(entry)
            if entry["type"] == "end":
                self._drafts.clear()
            elif self._drafts:
                # What was written is there: its draft goes in the same delta.
                self._drafts = {id: draft for id, draft in self._drafts.items() if not ends(draft, entry)}
            self._poke()

    def chunk(self, agent: str, message_id: str, text: str) -> None:
        """Show a piece of a text that is being written; in any thread."""
        self._write(f"draft-{message_id or agent}", agent, text)

    def call_piece(self, agent: str, call: str, name: str, arguments: str) -> None:
        """Show a piece of a call of the tool `name` that is being written; in any thread."""
        self._write(f"draft-{call}", agent, arguments, tool=name or "…")

    def call_dropped(self, call: str) -> None:
        """The call that was being written is not to come; in any thread."""
        with self._batch.lock:
            if self._drafts.pop(f"draft-{call}", None) is not None:
                self._poke()

    def _write(self, id: str, agent: str, text: str, tool: str = "") -> None:
        with self._batch.lock:
            if self.transcript.status != "running":
                return  # it was on its way when the run was ended
            if id not in self._drafts:
                self._drafts[id] = Draft(id, agent, self.transcript.turn, tool)
            self._drafts[id].text.feed(text)
            self._poke()

    def flush(self) -> None:
        """Send at once what waits for the next delta."""
        if self._watched:
            self._batch.flush()

    def close(self) -> None:
        """Send what is left, and leave no timer behind. A view that comes later still gets its snapshot."""
        if self._watched:
            self._batch.close()

    def snapshot(self, view: str) -> None:
        """Send everything to one view, which may have missed any number of deltas."""
        with self._batch.lock:
            self._watched = True
            self._batch.flush()
            drafts = [draft.as_item() for draft in self._drafts.values()]
            items = [as_item(item) for item in self.transcript.items] + drafts
            told = {"run": self.transcript.name, "status": self._status(), "items": items, "question": self._question()}
            self._send({"t": "snapshot", "view": view, "seq": self._batch.seq, **told})

    def _poke(self) -> None:
        """Nothing is rendered before a view is there to see it."""
        if self._watched:
            self._batch.poke()

    # What changed -----------------------------------------------------------------------------------------

    def _ops(self) -> list[Op]:
        return [*self._item_ops(), *self._draft_ops(), *self._status_ops()]

    def _item_ops(self) -> list[Op]:
        changed, ops, before = self.transcript.take_changed(), [], ""
        for item in self.transcript.items if changed else []:
            if item.id in changed:
                ops.append({"op": "put", "item": as_item(item), "after": before})
                changed.discard(item.id)
            before = item.id
        return [*ops, *({"op": "drop", "id": id} for id in sorted(changed))]

    def _draft_ops(self) -> list[Op]:
        ended = self._drafts_shown - self._drafts.keys()
        ops: list[Op] = [{"op": "drop", "id": id} for id in sorted(ended)]
        for id, draft in self._drafts.items():
            if id not in self._drafts_shown:
                ops.append({"op": "put", "item": draft.as_item(), "after": None})
            if draft.text.grew:
                ops.append(draft.as_op())
        self._drafts_shown = set(self._drafts)
        return ops

    def _status_ops(self) -> list[Op]:
        status, question = self._status(), self._question()
        told = (*(value for name, value in status.items() if name != "seconds"), question and question["id"])
        if told == self._told:
            return []
        self._told = told
        return [{"op": "status", "status": status}, {"op": "question", "question": question}]

    # What stands there ------------------------------------------------------------------------------------

    def _status(self) -> dict[str, Any]:
        """What stands in the head; the browser counts the seconds on."""
        told = self.transcript
        ended = told.status != "running"
        now = told.latest if ended else datetime.now(UTC)
        return {
            "status": "waiting" if told.waiting else told.status,
            "activity": visible(wording.outcome(told) if ended else told.activity()),
            "turn": told.turn,
            "turns": told.turns,
            "tokens": wording.thousands(told.spent.tokens) if told.spent.tokens else "",
            "cost": wording.spending(told),
            "seconds": (now - told.started).total_seconds() if now and told.started else 0,
            "detached": told.detached,
            "unasked": told.runs_unasked,
        }

    def _question(self) -> dict[str, Any] | None:
        """The question that waits longest, with the item at which it is asked."""
        waiting = self.transcript.waiting
        if waiting is None:
            return None
        question = {"id": waiting.question, "item": waiting.id, "agent": waiting.agent}
        if isinstance(waiting, Asked):
            return {**question, "kind": "reply", "prompt": visible(waiting.prompt)}
        return {**question, "kind": "approval", "code": encodable(waiting.code), "number": waiting.number}


def as_item(item: Item) -> dict[str, Any]:
    """An item as the browser gets it."""
    return {
        "id": item.id,
        "kind": type(item).__name__.lower(),
        "agent": item.agent,
        "turn": item.turn,
        "title": wording.title(item),
        "state": item.state if isinstance(item, Block | ToolCall) else "",
        "label": wording.state(item),
        "html": item_html(item),
    }
