"""Which of the user's variables a block bound to something else, and the way back.

Compared is by identity, around each stretch of the block's code and not around the block: what the user's own cells
bind while a block awaits is theirs. To undo means to bind a name to what it was bound to before, so what was
overwritten is kept (a reference, no copy), and what agents made is not: a weak reference tells it again.

Names that begin with ``_``, and those that IPython binds for itself, do not count. What a task of the block binds
while the block itself awaits is not seen.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..code import NamesChange

_UNBOUND, _GONE = object(), object()


@dataclass(frozen=True, slots=True)
class Rebinding:
    """One name: what it was bound to, and how to tell what it was bound to then; `_UNBOUND` for nothing."""

    before: Any
    after: Callable[[], Any]

    def then(self, later: Rebinding) -> Rebinding:
        """Both as one. When the user bound the name in between, what the user bound it to is what comes back."""
        return Rebinding(self.before, later.after) if self.after() is later.before else later


class NamespaceChanges:
    """What one block, or several in turn, did to the names of a namespace.

    Args:
        namespace: the user's.
        hidden: what IPython bound there for itself.
    """

    def __init__(self, namespace: MutableMapping[str, Any], hidden: Mapping[str, Any]) -> None:
        self._namespace, self._hidden = namespace, hidden
        self._changes: dict[str, Rebinding] = {}
        self.in_place: set[str] = set()
        """Names whose value the code changes inside, as far as its text tells."""

    @contextmanager
    def watching(self) -> Iterator[None]:
        """What is bound within it is the block's doing."""
        before = dict(self._namespace)
        try:
            yield
        finally:
            self._compare(before)

    def add(self, later: NamespaceChanges) -> None:
        """Take in what came after."""
        for name, rebinding in later._changes.items():
            self._add(name, rebinding)
        self.in_place |= later.in_place

    def told(self) -> NamesChange:
        """The names, sorted by what became of them."""
        created, rebound, deleted = list[str](), list[str](), list[str]()
        for name, rebinding in sorted(self._changes.items()):
            if rebinding.before is _UNBOUND:
                created.append(name)
            elif rebinding.after() is _UNBOUND:
                deleted.append(name)
            else:
                rebound.append(name)
        return NamesChange(tuple(created), tuple(rebound), tuple(deleted))

    def undo(self) -> tuple[set[str], set[str], set[str]]:
        """Bind each name to what it was bound to before; returns those restored, removed, and left to the user."""
        restored, removed, left = set[str](), set[str](), set[str]()
        for name, rebinding in self._changes.items():
            if self._namespace.get(name, _UNBOUND) is not rebinding.after():
                left.add(name)
            elif rebinding.before is _UNBOUND:
                del self._namespace[name]
                removed.add(name)
            else:
                self._namespace[name] = rebinding.before
                restored.add(name)
        return restored, removed, left

    def _compare(self, before: dict[str, Any]) -> None:
        now = dict(self._namespace)
        changed = [name for name, value in now.items() if before.get(name, _UNBOUND) is not value]
        for name in [*changed, *(before.keys() - now.keys())]:
            new = now.get(name, _UNBOUND)
            if not name.startswith("_") and self._hidden.get(name, _GONE) is not new:
                self._add(name, Rebinding(before.get(name, _UNBOUND), _reference(new)))

    def _add(self, name: str, rebinding: Rebinding) -> None:
        known = self._changes.get(name)
        both = known.then(rebinding) if known else rebinding
        if both.before is both.after():
            del self._changes[name]
        else:
            self._changes[name] = both


def _reference(value: Any) -> Callable[[], Any]:
    """Tells `value` again, without keeping it alive where its type lets that be; `_GONE` when nobody has it."""
    try:
        reference = weakref.ref(value)
    except TypeError:
        return lambda: value
    return lambda: _GONE if (found := reference()) is None else found
