"""`TerminationCondition`: looks at what was just said and says when to stop. Names and behaviour are AutoGen's.

A condition has a state: it is called with the new messages of each turn, and must be reset before it is used
again after it stopped a conversation.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence

from ..messages import BaseAgentEvent, BaseChatMessage, StopMessage


class TerminatedException(BaseException):
    """A condition was asked again after it had stopped the conversation: a mistake of the caller."""


class TerminationCondition(ABC):
    """Stops a conversation; `a & b` and `a | b` combine conditions."""

    @property
    @abstractmethod
    def terminated(self) -> bool:
        """True once it said stop, until it is reset."""

    @abstractmethod
    async def __call__(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> StopMessage | None:
        """Look at the messages since the last call.

        Returns:
            The message whose content is the reason to stop; None to go on.

        Raises:
            TerminatedException: it said stop before and was not reset.
        """

    @abstractmethod
    async def reset(self) -> None:
        """Begin anew."""

    def __and__(self, other: TerminationCondition) -> TerminationCondition:
        return AndTerminationCondition(self, other)

    def __or__(self, other: TerminationCondition) -> TerminationCondition:
        return OrTerminationCondition(self, other)


def stopped(name: str) -> TerminatedException:
    """The exception of the condition called `name`."""
    return TerminatedException(f"{name} has already stopped this conversation: reset it first")


class AndTerminationCondition(TerminationCondition):
    """Stops when all of its conditions have said stop, in whatever order."""

    def __init__(self, *conditions: TerminationCondition) -> None:
        self._conditions = conditions
        self._stops: list[StopMessage] = []

    @property
    def terminated(self) -> bool:
        return all(condition.terminated for condition in self._conditions)

    async def __call__(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> StopMessage | None:
        if self.terminated:
            raise stopped("AndTerminationCondition")
        waiting = [condition for condition in self._conditions if not condition.terminated]
        stops = [stop for stop in await asyncio.gather(*(ask(messages) for ask in waiting)) if stop]
        self._stops += stops
        return _joined(self._stops) if len(stops) == len(waiting) else None

    async def reset(self) -> None:
        self._stops.clear()
        for condition in self._conditions:
            await condition.reset()


class OrTerminationCondition(TerminationCondition):
    """Stops when one of its conditions says stop."""

    def __init__(self, *conditions: TerminationCondition) -> None:
        self._conditions = conditions

    @property
    def terminated(self) -> bool:
        return any(condition.terminated for condition in self._conditions)

    async def __call__(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> StopMessage | None:
        if self.terminated:
            raise stopped("OrTerminationCondition")
        stops = [stop for stop in await asyncio.gather(*(ask(messages) for ask in self._conditions)) if stop]
        return _joined(stops) if stops else None

    async def reset(self) -> None:
        for condition in self._conditions:
            await condition.reset()


def _joined(stops: Sequence[StopMessage]) -> StopMessage:
    return StopMessage(
        content=", ".join(stop.content for stop in stops), source=", ".join(stop.source for stop in stops)
    )
