"""What a model is asked, at no cost where it is a conversation that only grows: `Prompt`, and what it is taken from.

An agent shows its model the whole conversation on every turn. A list of it for each call would make every turn dearer
than the one before, and a client that keeps what it was asked would keep the square of it. So a prompt says how much
it has of messages that others have too, and makes a list of them when somebody reads them all. What it says never
changes: messages that are changed otherwise than at their end leave the prompts a copy of what they were.

A prompt is no subclass of list: what is written in C or Rust (pydantic) reads a list's own memory, which would be
empty here, and an empty prompt would be sent without a word. As it is, it is a sequence to all of them, or an error.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, MutableSequence, Sequence
from functools import wraps
from operator import index as index_of
from typing import Any, SupportsIndex, overload

from pydantic_core import SchemaSerializer, core_schema

from .messages import LLMMessage


class Shared:
    """The messages that prompts have in common: theirs are the first so many of them."""

    __slots__ = ("__weakref__", "messages")

    def __init__(self, messages: list[LLMMessage]) -> None:
        self.messages = messages


_NOTHING = Shared([])


class Prompt(MutableSequence[LLMMessage]):
    """A list of messages in all that it does. One that is written to becomes a list of its own.

    Args:
        messages: what it begins with, to make one of one's own; `SharedMessages.prompt` makes one at no cost.
    """

    __slots__ = ("_before", "_length", "_own", "_shared")

    # pydantic writes it as it writes a list.
    __pydantic_serializer__ = SchemaSerializer(
        core_schema.any_schema(serialization=core_schema.plain_serializer_function_ser_schema(list))
    )

    def __init__(self, messages: Iterable[LLMMessage] = ()) -> None:
        self._before: tuple[LLMMessage, ...] = ()
        self._shared, self._length = _NOTHING, 0
        self._own: list[LLMMessage] | None = list(messages)

    @classmethod
    def of(cls, before: Iterable[LLMMessage], shared: Shared, length: int) -> Prompt:
        """`before`, and then the first `length` of what is `shared`."""
        made = cls.__new__(cls)
        made._before, made._shared, made._length, made._own = tuple(before), shared, length, None
        return made

    def begins_with(self, earlier: Sequence[LLMMessage]) -> bool:
        """True if these are the messages of `earlier` and more; that costs nothing where both share them."""
        if (
            isinstance(earlier, Prompt)
            and self._own is earlier._own is None
            and self._shared is earlier._shared
            and self._before == earlier._before
        ):
            return self._length >= earlier._length
        return self[: len(earlier)] == earlier

    @property
    def common(self) -> tuple[Shared, int] | None:
        """What it has in common with other prompts, and how many messages of it, its last ones; None if nothing."""
        return (self._shared, self._length) if self._own is None else None

    def copy(self) -> Prompt:
        """A prompt of the same messages, at no cost."""
        return Prompt.of(self._before, self._shared, self._length) if self._own is None else Prompt(self._own)

    def __len__(self) -> int:
        return len(self._before) + self._length if self._own is None else len(self._own)

    def __iter__(self) -> Iterator[LLMMessage]:
        return iter(self._list())

    def __reversed__(self) -> Iterator[LLMMessage]:
        return reversed(self._list())

    def __contains__(self, message: object) -> bool:
        return message in self._list()

    @overload
    def __getitem__(self, at: SupportsIndex) -> LLMMessage: ...
    @overload
    def __getitem__(self, at: slice) -> list[LLMMessage]: ...
    def __getitem__(self, at: SupportsIndex | slice) -> LLMMessage | list[LLMMessage]:
        if self._own is not None:
            return self._own[at]
        first = len(self._before)
        length = first + self._length
        if isinstance(at, slice):
            if at.stop is at.step is None and type(at.start) is int and at.start >= first:  # what is new in it
                return self._part(at.start - first, self._length)
            start, stop, step = at.indices(length)
            if start >= first and step == 1:
                return self._part(start - first, max(start, stop) - first)
            if stop <= first and step == 1:
                return list(self._before[start:stop])
            return self._list()[at]
        place = index_of(at)
        if place < 0:
            place += length
        if not 0 <= place < length:
            raise IndexError("list index out of range")
        return self._before[place] if place < first else self._part(place - first, place - first + 1)[0]

    def index(self, message: LLMMessage, start: int = 0, stop: int | None = None) -> int:
        """As a list's."""
        return self._list().index(message, start, len(self) if stop is None else stop)

    def count(self, message: LLMMessage) -> int:
        """As a list's."""
        return self._list().count(message)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Prompt):
            return len(self) == len(other) and self.begins_with(other)
        return self._list() == other if isinstance(other, list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as a list

    def __add__(self, other: Sequence[LLMMessage]) -> list[LLMMessage]:
        return [*self, *other] if isinstance(other, list | Prompt) else NotImplemented

    def __radd__(self, other: Sequence[LLMMessage]) -> list[LLMMessage]:
        return [*other, *self] if isinstance(other, list | Prompt) else NotImplemented

    def __repr__(self) -> str:
        return repr(self._list())

    def __reduce__(self) -> tuple[type[list[Any]], tuple[list[LLMMessage]]]:
        return list, (self._list(),)

    def __setitem__(self, at: Any, value: Any) -> None:
        self._made_own()[at] = value

    def __delitem__(self, at: SupportsIndex | slice) -> None:
        del self._made_own()[at]

    def insert(self, index: int, value: LLMMessage) -> None:
        """As a list's."""
        self._made_own().insert(index, value)

    def sort(self, **how: Any) -> None:
        """As a list's."""
        self._made_own().sort(**how)

    def _list(self) -> list[LLMMessage]:
        if self._own is not None:
            return self._own
        return [*self._before, *self._part(0, self._length)]

    def _part(self, start: int, stop: int) -> list[LLMMessage]:
        """Some of the shared messages. Clients read on the I/O thread, while a cell may change the conversation."""
        while True:
            messages = self._shared.messages
            part = messages[start:stop]
            if self._shared.messages is messages:  # else they are a copy now, and what was read may be newer
                return part

    def _made_own(self) -> list[LLMMessage]:
        self._own = self._list()
        return self._own


def _leaving_copy(change: Callable[..., Any]) -> Any:
    """The method of a list that changes it otherwise than at its end: prompts keep what the list was."""

    @wraps(change)
    def changed(self: SharedMessages, *arguments: Any, **named: Any) -> Any:
        self._leave_copy()
        return change(self, *arguments, **named)

    return changed


class SharedMessages(list[LLMMessage]):
    """A list of which prompts are taken at no cost: they have its messages in common with it while it only grows."""

    __slots__ = ("_shown",)

    def __init__(self, messages: Iterable[LLMMessage] = ()) -> None:
        super().__init__(messages)
        # Weak, as what is shown has this list: it is let go with the last prompt.
        self._shown: weakref.ref[Shared] | None = None

    def prompt(self, before: Iterable[LLMMessage] = ()) -> Prompt:
        """`before`, and then all messages that are in the list now."""
        shown = self._shown() if self._shown is not None else None
        if shown is None:
            shown = Shared(self)
            self._shown = weakref.ref(shown)
        return Prompt.of(before, shown, len(self))

    def _leave_copy(self) -> None:
        shown = self._shown() if self._shown is not None else None
        if shown is not None:
            shown.messages = list(self)
        self._shown = None

    def __reduce__(self) -> tuple[type[SharedMessages], tuple[list[LLMMessage]]]:
        return SharedMessages, (list(self),)

    __setitem__ = _leaving_copy(list.__setitem__)
    __delitem__ = _leaving_copy(list.__delitem__)
    __imul__ = _leaving_copy(list.__imul__)
    insert = _leaving_copy(list.insert)
    pop = _leaving_copy(list.pop)
    remove = _leaving_copy(list.remove)
    clear = _leaving_copy(list.clear)
    reverse = _leaving_copy(list.reverse)
    sort = _leaving_copy(list.sort)
