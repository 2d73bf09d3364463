"""A number of a prompt that is the sum of those of its messages, such as tokens, at the cost of what is new in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

from .messages import LLMMessage
from .prompt import Prompt, Shared


class Tally:
    """Counts prompts. Messages that prompts share are counted once: they must not be changed in place.

    A copy of it begins anew.

    Args:
        of: the number of one message.
    """

    def __init__(self, of: Callable[[LLMMessage], int]) -> None:
        self._of = of
        self._counted: WeakKeyDictionary[Shared, tuple[int, int]] = WeakKeyDictionary()

    def __reduce__(self) -> tuple[type[Tally], tuple[Callable[[LLMMessage], int]]]:
        return Tally, (self._of,)  # a dictionary of weak references cannot be pickled

    def __call__(self, messages: Sequence[LLMMessage]) -> int:
        common = messages.common if isinstance(messages, Prompt) else None
        if common is None:
            return self._sum(messages)
        shared, length = common
        counted, total = self._counted.get(shared, (0, 0))
        if counted > length:  # a prompt from before
            counted, total = 0, 0
        first = len(messages) - length
        total += self._sum(messages[first + counted :])
        self._counted[shared] = length, total
        return self._sum(messages[:first]) + total

    def _sum(self, messages: Sequence[LLMMessage]) -> int:
        return sum(map(self._of, messages))
