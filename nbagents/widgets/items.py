"""What a transcript consists of: one value per thing that a reader sees.

Each item has an `id` that stays, so that a screen can replace what changed. Only the transcript changes items.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

BlockState = Literal["proposed", "waiting", "approved", "rejected", "running", "done", "failed", "skipped"]
"""proposed: written, nothing decided. approved: decided, not begun. failed: it raised, or could not run.
skipped: it will not run, because an earlier one failed or the run ended."""


@dataclass(slots=True)
class Item:
    """Anything in a transcript. `turn` is 0 before the first; `agent` is whose it is."""

    id: str
    turn: int
    agent: str


@dataclass(slots=True)
class Task(Item):
    """What was asked for, and what of the notebook went with it."""

    text: str
    shared: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    """Where code runs and what is looser there than usual, one line each; empty where the cells say it."""


@dataclass(slots=True)
class Said(Item):
    """A piece of an agent's text: all of it, or what stands between two blocks."""

    markdown: str
    message: str = ""
    """The id of the message that it is from."""


@dataclass(slots=True)
class Thought(Item):
    """What a reasoning model thought first."""

    text: str


@dataclass(slots=True)
class Block(Item):
    """A block of code and all that became of it; `number` counts from 1 in the run."""

    number: int
    code: str
    language: str
    target: str = ""
    state: BlockState = "proposed"
    question: str = ""
    approved_by: str = ""
    """Through which channel a person approved it; "" when nobody was asked."""
    allowed_all: bool = False
    """The approval was for all further blocks of this agent too."""
    proposed_code: str | None = None
    """What the agent wrote, when a person changed it."""
    reason: str = ""
    """Why it was rejected, or could not run."""
    output: str = ""
    """What the model was told that it did."""
    outputs: list[Mapping[str, Any]] = field(default_factory=list)
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Which variables it changed, by what became of them: created, rebound, deleted."""
    seconds: float | None = None

    @property
    def open(self) -> bool:
        """True while something is still to happen to it."""
        return self.state in ("proposed", "waiting", "approved", "running")


@dataclass(slots=True)
class Asked(Item):
    """A question to a person, and the reply; `decision` is "" while it waits."""

    question: str
    prompt: str
    decision: str = ""
    reply: str = ""
    message: str = ""
    """The id of the message that the reply became."""
    unanswered: bool = False
    """The run ended before a reply came; one that goes on asks anew."""

    @property
    def waits(self) -> bool:
        """True while a reply is still to come."""
        return not (self.decision or self.unanswered)


@dataclass(slots=True)
class Resumed(Item):
    """Here the run had ended and went on; it is nobody's."""

    ended: str
    """How it had ended."""
    by: str
    limits: Mapping[str, float]
    """The limits of its budget that were changed."""
    again: Mapping[str, int] = field(default_factory=dict)
    """How many blocks of which agents are run once more, before their next, in containers that are new."""


@dataclass(slots=True)
class ToolCall(Item):
    """A call of a tool; `state` as a block's."""

    name: str
    arguments: str = ""
    state: BlockState = "running"
    result: str = ""
