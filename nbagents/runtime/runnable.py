"""What can be run, as a `Run` sees it: a team, or an agent alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..messages import BaseAgentEvent, BaseChatMessage


class Result(Protocol):
    """What a team's `run` returns (AutoGen's `TaskResult`)."""

    messages: Sequence[BaseChatMessage | BaseAgentEvent]
    stop_reason: str | None


class Runnable(Protocol):
    """What can be run: a team, or an agent alone."""

    async def run(self, *, task: Any = None) -> Result:
        """Hold the conversation to its end; None goes on from where it was left."""
