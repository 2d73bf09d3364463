"""Calls of tools on their way to the screen while a model writes them: shown, never recorded, and without secrets.

The journal has the whole call when the model has answered. What is shown before goes when the attempt fails, and when
the screen shows what became of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from ..models.notices import CallPiece
from .pieces import Pieces
from .redaction import JSON_WORD
from .run_log import RunLog


@runtime_checkable
class CallListener(Protocol):
    """A listener of a run (`Listener`) that also follows calls of tools while they are written."""

    def call_piece(self, agent: str, call: str, name: str, arguments: str) -> None:
        """The arguments of a call of the tool `name` go on by so much; called on the I/O thread too.

        Args:
            agent: who calls.
            call: stays the same for all pieces of a call, and is no other call's in this run.
            name: the tool.
            arguments: a piece of their JSON.
        """

    def call_dropped(self, call: str) -> None:
        """The answer broke off: the call that was written will not be made. Called on the I/O thread too."""


class WrittenCalls:
    """The calls in one model's answer.

    Args:
        log: the run's.
        effect: the model call.
        agent: who asks.
    """

    def __init__(self, log: RunLog, effect: str, agent: str) -> None:
        self._log, self._effect, self._agent = log, effect, agent
        self._attempt = 1
        self._pieces: dict[str, Pieces] = {}

    def write(self, piece: CallPiece) -> None:
        """A piece came."""
        if not self._log.listeners:
            return
        call = f"{self._effect}.{self._attempt}.{piece.index}"
        begins = call not in self._pieces
        shown = self._pieces.setdefault(call, Pieces(self._log.redact, JSON_WORD)).shown(piece.arguments)
        if shown or begins:
            for listener in self._listeners():
                listener.call_piece(self._agent, call, self._log.redact(piece.name), shown)

    def drop(self) -> None:
        """The attempt failed; another may follow."""
        calls, self._pieces, self._attempt = list(self._pieces), {}, self._attempt + 1
        for call in calls:
            for listener in self._listeners():
                listener.call_dropped(call)

    def _listeners(self) -> Iterator[CallListener]:
        return (listener for listener in list(self._log.listeners) if isinstance(listener, CallListener))
