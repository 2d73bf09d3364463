"""`TerminationCondition`: looks at what was just said and says when to stop. Names and behaviour are AutoGen's.

A condition has a state: it is called with the new messages of each turn, and must be reset before it is used
again after it stopped a conversation.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from ..component import ComponentBase
from ..messages import BaseAgentEvent, BaseChatMessage, StopMessage


class TerminatedException(BaseException):
    """A condition was asked again after it had stopped the conversation: a mistake of the caller."""


class TerminationCondition(ABC, ComponentBase[BaseModel]):
    """Stops a conversation; `a & b` and `a | b` combine conditions."""

    component_type = "termination"

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

    async def save_state(self) -> Mapping[str, Any]:
        """What it has counted and seen, as JSON; a condition without a memory has nothing to save."""
        return {}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `save_state` returned."""
        return None

    def __and__(self, other: TerminationCondition) -> TerminationCondition:
        from .combined import AndTerminationCondition

        return AndTerminationCondition(self, other)

    def __or__(self, other: TerminationCondition) -> TerminationCondition:
        from .combined import OrTerminationCondition

        return OrTerminationCondition(self, other)


class OneReasonTermination(TerminationCondition):
    """A condition that watches for one thing; a subclass only says what that is."""

    def __init__(self) -> None:
        self._terminated = False

    @property
    def terminated(self) -> bool:
        return self._terminated

    @abstractmethod
    async def _reason(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> str | None:
        """Why to stop after these messages; None to go on."""

    async def __call__(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> StopMessage | None:
        if self._terminated:
            raise TerminatedException("Termination condition has already been reached")
        reason = await self._reason(messages)
        if reason is None:
            return None
        self._terminated = True
        return StopMessage(content=reason, source=type(self).__name__)

    async def reset(self) -> None:
        self._terminated = False

    async def save_state(self) -> Mapping[str, Any]:
        return {"terminated": self._terminated}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        self._terminated = bool(state["terminated"])
