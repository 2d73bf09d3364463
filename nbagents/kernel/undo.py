"""Undoes what blocks did to the user's variables: the way back from live code, as far as there is one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from .namespace_changes import NamespaceChanges

KEPT_BLOCKS = 10
"""So many blocks can be undone one by one. Older ones are one step, which keeps one value for each name."""

NEVER_UNDONE = "changes inside of objects, files, the network"


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did; as text, in one line.

    Attributes:
        restored: names that are bound again to what they were bound to before.
        removed: names that were created, and are gone.
        left: names that the user has bound anew since; they are the user's, and stay as they are.
        in_place: names whose value was changed inside, as far as the code's text tells: that stays changed.
    """

    restored: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    in_place: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = [
            ("restored", self.restored),
            ("removed", self.removed),
            ("left as you have bound them since:", self.left),
            ("still changed inside:", self.in_place),
        ]
        parts = [f"{what} {', '.join(names)}" for what, names in told if names]
        return " · ".join([*(parts or ["nothing to undo"]), f"not undone: {NEVER_UNDONE}"])


class UndoLog:
    """The changes of blocks, the latest last."""

    def __init__(self) -> None:
        self._blocks: deque[NamespaceChanges] = deque()

    def add(self, changes: NamespaceChanges) -> None:
        """Keep what a block did."""
        self._blocks.append(changes)
        if len(self._blocks) > KEPT_BLOCKS:
            oldest = self._blocks.popleft()
            oldest.add(self._blocks.popleft())
            self._blocks.appendleft(oldest)

    def undo(self, blocks: int | None = None) -> Undone:
        """Undo the last `blocks`, latest first; all if None. What was undone is forgotten."""
        restored, removed, left, in_place = set[str](), set[str](), set[str](), set[str]()
        for _ in range(len(self._blocks) if blocks is None else min(blocks, len(self._blocks))):
            block = self._blocks.pop()
            put_back, gone, theirs = block.undo()
            restored, removed = (restored | put_back) - gone, (removed | gone) - put_back
            left |= theirs
            in_place |= block.in_place
        return Undone(*map(_sorted, (restored, removed, left - restored - removed, in_place - removed)))


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))
