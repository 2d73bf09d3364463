"""`AgentProxy`: an agent as its id and its runtime, wherever it lives."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

from ...cancellation import CancellationToken
from .agent_runtime import AgentRuntime
from .identity import AgentId, AgentMetadata


class AgentProxy:
    """An agent that lives somewhere, through its runtime.

    Args:
        agent: its id.
        runtime: where it lives.
    """

    def __init__(self, agent: AgentId, runtime: AgentRuntime) -> None:
        self._agent, self._runtime = agent, runtime

    @property
    def id(self) -> AgentId:
        """Its id."""
        return self._agent

    @property
    def metadata(self) -> Awaitable[AgentMetadata]:
        """What the runtime tells about it."""
        return self._runtime.agent_metadata(self._agent)

    async def send_message(
        self,
        message: Any,
        *,
        sender: AgentId,
        cancellation_token: CancellationToken | None = None,
        message_id: str | None = None,
    ) -> Any:
        """Send to it and wait for its reply; see `AgentRuntime.send_message`."""
        return await self._runtime.send_message(
            message, self._agent, sender=sender, cancellation_token=cancellation_token, message_id=message_id
        )

    async def save_state(self) -> Mapping[str, Any]:
        """Its state; JSON."""
        return await self._runtime.agent_save_state(self._agent)

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Give it its state back."""
        await self._runtime.agent_load_state(self._agent, state)
