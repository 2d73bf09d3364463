"""Stops when a function of the user's says so."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence

from ..messages import BaseAgentEvent, BaseChatMessage
from .termination import OneReasonTermination

Check = Callable[[Sequence[BaseAgentEvent | BaseChatMessage]], bool | Awaitable[bool]]


class FunctionalTermination(OneReasonTermination):
    """Stops when `func` returns True for the messages since the last call; it may be async."""

    def __init__(self, func: Check) -> None:
        super().__init__()
        self._func = func

    async def _reason(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> str | None:
        met = self._func(messages)
        if inspect.isawaitable(met):
            met = await met
        return "Functional termination condition met" if met is True else None
