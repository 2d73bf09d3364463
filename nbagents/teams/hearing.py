"""What was said in a team, kept once, and how far each participant has heard it.

A participant's buffer (AutoGen's ``message_buffer``) is a place in one common list: saying something costs the
same with two listeners and with a hundred.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..messages import BaseChatMessage

Place = tuple[int, int]
"""How far somebody has heard: so many of the carried messages, and of what was said since."""
Unheard = tuple[list[BaseChatMessage], Place]
"""What somebody has not heard yet, and the place up to which that goes."""


class Hearing:
    """Who has heard what.

    Args:
        names: the listeners.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._said: list[tuple[str, BaseChatMessage]] = []
        self._heard: dict[str, int] = dict.fromkeys(names, 0)
        self._carried: dict[str, list[BaseChatMessage]] = {}

    def say(self, messages: Iterable[BaseChatMessage], by: str = "") -> None:
        """Everybody but `by` will hear these."""
        self._said += [(by, message) for message in messages]

    def unheard(self, name: str) -> Unheard:
        """What `name` has not heard yet."""
        new = [message for by, message in self._said[self._heard[name] :] if by != name]
        carried = self._carried.get(name, ())
        return [*carried, *new], (len(carried), len(self._said))

    def has_heard(self, name: str, place: Place) -> None:
        """`name` took in what was said up to `place`."""
        carried, self._heard[name] = place
        if carried:
            self._carried[name] = self._carried[name][carried:]

    def clear(self) -> None:
        """Nothing was said."""
        self._said.clear()
        self._carried.clear()
        self._heard = dict.fromkeys(self._heard, 0)

    def load(self, buffers: Mapping[str, Sequence[BaseChatMessage]]) -> None:
        """Begin with what each has not heard."""
        self.clear()
        self._carried = {name: list(messages) for name, messages in buffers.items() if messages}
