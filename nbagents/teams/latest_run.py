"""The latest run of a team within a team: which task it had, what was said since, and how it ended.

A turn of the outer team that failed, was cancelled, or was saved before it was complete is taken again, and its team
is asked again with the same messages. It does not hear them twice; what its members had said by then is part of what
it answers; and if it had come to its end already, that is its answer. When the turn is complete all this is forgotten:
the same message is then heard again if somebody says it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..messages import BaseChatMessage
from .participant import Message


class LatestRun:
    """The run that a team is in the middle of, or that it ended last."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """There was none."""
        self._task: list[str] = []
        self._began = 0
        self.again = False
        """It is an attempt after others."""
        self.ended: str | None = None
        """Why it stopped; None as long as it has not."""

    def begin(self, task: Sequence[BaseChatMessage], thread: Sequence[Message]) -> list[BaseChatMessage]:
        """What of `task` is new to the team: everything, unless this is another attempt at it.

        Args:
            task: what is said to the team.
            thread: the conversation so far, in which a new task does not stand yet.
        """
        known = set(self._task)
        self.again = bool(known) and known <= {message.id for message in task}
        if not self.again:
            self._task, self._began, self.ended = [message.id for message in task], len(thread) + len(task), None
            return list(task)
        new = [message for message in task if message.id not in known]
        self._task += [message.id for message in new]
        return new

    def said(self, thread: Sequence[Message]) -> list[Message]:
        """What was said since its task, in all attempts."""
        return list(thread[self._began :])

    def thread_cleared(self) -> None:
        """The thread begins anew; the run goes on."""
        self._began = 0

    def end(self, reason: str) -> None:
        """The run has come to its end."""
        self.ended = reason

    def dump(self) -> dict[str, Any]:
        """As JSON; empty when there is nothing to say."""
        return {"task": list(self._task), "began": self._began, "ended": self.ended} if self._task else {}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take back what `dump` gave."""
        self._task, self._began = list(state.get("task", ())), int(state.get("began", 0))
        self.ended = state.get("ended")
