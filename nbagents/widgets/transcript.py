"""The transcript: a run's journal, folded into what a reader sees.

It is the only reader of the journal's format on the side of the screen: the live view, the saved block, the plain
text and a reopened run are made from its items. It knows no Jupyter and nothing of HTML. What agents say is folded in
`chat`, what they do in `work`, what a person decides in `decisions`; here is the run as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Literal

from .chat import Chat
from .decisions import Decisions
from .entry_texts import Entry, asked_for, shared_lines
from .item_list import ItemList
from .items import Asked, Block, Item, Resumed, Task
from .spent import Spent
from .work import Work

Status = Literal["running", "done", "paused", "stopped", "failed"]


class Transcript:
    """Apply a run's entries in order; read the attributes at any time."""

    def __init__(self) -> None:
        self.name = ""
        self.team: dict[str, Any] = {}
        self.settings: dict[str, Any] = {}
        self.speakers: list[str] = []
        self.status: Status = "running"
        self.reason = self.more = ""
        """Why it ended, and by how much to raise the budget that paused it."""
        self.unanswered = self.went_on = False
        """It ended because a person was needed. It was resumed after what stands here, and is shown elsewhere."""
        self.detached = False
        self.spent = Spent()
        self.started: datetime | None = None
        self.latest: datetime | None = None
        self._ended_at: datetime | None = None
        self._shared: list[str] = []
        self._list = ItemList()
        self._work = Work(self._list, self.spent)
        self._chat = Chat(self._list, self._work.asked_model)
        self._decisions = Decisions(self._list)
        self._folds: dict[str, Callable[[Entry], None]] = {
            "run": self._run,
            "task": self._task,
            "speaker": self._speaker,
            "message": self._message,
            "question": self._decisions.question,
            "answer": self._decisions.answer,
            "effect": self._work.effect,
            "result": self._work.result,
            "retry": self._work.retry,
            "unpriced": self.spent.not_bounded,
            "detached": self._detached,
            "end": self._end,
            "resumed": self._resumed,
        }

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Transcript:
        """The transcript of a journal's entries."""
        transcript = cls()
        for entry in entries:
            transcript.apply(entry)
        return transcript

    def apply(self, entry: Entry) -> None:
        """Fold in the next entry. A type that a later version wrote is passed over."""
        if "at" in entry:
            self.latest = datetime.fromisoformat(entry["at"])
            self.started = self.started or self.latest
        fold = self._folds.get(entry["type"])
        if fold is not None:
            fold(entry)

    # What a reader asks -----------------------------------------------------------------------------------

    @property
    def turn(self) -> int:
        """The latest turn; 0 before the first."""
        return self._list.turn

    @property
    def turns(self) -> int | None:
        """The turns that the run may take, by its team and its budget; None where nobody says it."""
        limits = [self.team.get("max_turns"), (self.settings.get("budget") or {}).get("turns")]
        return min(filter(None, limits), default=None)

    @property
    def items(self) -> list[Item]:
        """All items, in the order in which they are shown."""
        return self._list.all

    @property
    def blocks(self) -> list[Block]:
        """All blocks, in the order in which they are shown."""
        return self._list.blocks

    def take_changed(self) -> set[str]:
        """The ids of the items that were added or changed since the last call."""
        changed, self._list.changed = self._list.changed, set()
        return changed

    @property
    def waiting(self) -> Block | Asked | None:
        """What waits longest for a person."""
        return self._decisions.waiting if self.status == "running" else None

    @property
    def answer(self) -> str:
        """The last chat message that says more than the word which ends the conversation; "" before the end."""
        return self._chat.last_word(self._stop)[1] if self.status == "done" else ""

    def is_answer(self, item: Item) -> bool:
        """True for the item that says what the answer says."""
        return self.status == "done" and self._chat.is_last_word(item, self._stop)

    @property
    def _stop(self) -> str:
        return str(self.team.get("stop") or "")

    @property
    def seconds(self) -> float:
        """From the first entry to the latest."""
        if self.started is None or self.latest is None:
            return 0.0
        return (self.latest - self.started).total_seconds()

    @property
    def runs_unasked(self) -> bool:
        """True when agents' code runs in the live kernel without a person being asked."""
        return self.settings.get("approve") == "always" and self.settings.get("code") == "live"

    def activity(self) -> str:
        """What is going on now, in a few words: "analyst thinking…", "waiting for you"."""
        if self.status != "running":
            return self.status
        waiting = self.waiting
        if isinstance(waiting, Block):
            return f"waiting for you: block {waiting.number}"
        if waiting is not None:
            return "waiting for you"
        return self._work.activity() or (f"{', '.join(self.speakers)}…" if self.speakers else "starting…")

    # Entries ----------------------------------------------------------------------------------------------

    def _run(self, entry: Entry) -> None:
        self.name = entry.get("name") or entry.get("id") or ""
        self.team, self.settings = dict(entry.get("team") or {}), dict(entry.get("settings") or {})
        self._shared = shared_lines(entry.get("shared"))

    def _task(self, entry: Entry) -> None:
        places = [str(line) for line in self.settings.get("places") or []]
        self._list.add(Task(self._list.new_id("task"), 0, "you", asked_for(entry), self._shared, places))

    def _speaker(self, entry: Entry) -> None:
        self._list.turn, self.speakers = entry["turn"], list(entry["agents"])

    def _message(self, entry: Entry) -> None:
        self._list.turn = entry.get("turn", self.turn)
        self._chat.message(entry["message"])

    def _detached(self, _: Entry) -> None:
        self.detached = True

    def _end(self, entry: Entry) -> None:
        self.status, self.reason = entry["status"], entry.get("error") or entry.get("reason") or ""
        self.more, self.unanswered = entry.get("more") or "", self._decisions.waiting is not None
        self._skip_rest()  # a run that was paused and then stopped has ended twice
        self._ended_at = self.latest
        self._work.end()
        self._decisions.end()

    def _resumed(self, entry: Entry) -> None:
        limits, before = entry.get("budget") or {}, self.settings.get("budget") or {}
        more = {name: limit for name, limit in limits.items() if limit != before.get(name)}
        ended, by = ": ".join(filter(None, [self.status, self.reason])), str(entry.get("by") or "you")
        id, again = self._list.new_id("resumed"), entry.get("again") or {}
        self._list.add(Resumed(id, self.turn, "", ended, by, more, again))
        self.settings = {**self.settings, "budget": limits}
        self.status, self.reason, self.more, self.detached = "running", "", "", False
        self._skip_rest()

    def _skip_rest(self) -> None:
        """The time since it ended does not count."""
        if self.started is not None and self.latest is not None and self._ended_at is not None:
            self.started += self.latest - self._ended_at
        self._ended_at = None
