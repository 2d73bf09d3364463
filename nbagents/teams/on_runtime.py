"""Participants that are registered in a runtime: each turn is a message to them there.

The team's loop stays where it is; only the turns go through the runtime, as plain data (`TurnRequest`, `Spoken`),
so that its intervention handlers and logs see them. An engine that runs agents elsewhere implements the same port.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ..cancellation import CancellationToken
from ..messages import BaseChatMessage
from ..runtime.core import AgentId, AgentRuntime, BaseAgent, CantHandleException, MessageContext
from .participant import Participant, Spoken, Tell

_TELL: ContextVar[Tell] = ContextVar("nbagents_tell")
"""Where a turn tells what happens; a handler has the context of whoever sent its message."""


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """Asks a participant to take one turn, having heard `messages`."""

    messages: Sequence[BaseChatMessage]


class RegisteredParticipant(BaseAgent):
    """What stands in the runtime for a participant: its type there is the name and the team's id."""

    def __init__(self, port: Participant) -> None:
        super().__init__(port.description)
        self._port = port

    async def on_message_impl(self, message: Any, ctx: MessageContext) -> Spoken:
        if not isinstance(message, TurnRequest):
            raise CantHandleException(f"{self._port.name} takes turns of its team only, not {type(message).__name__}")
        return await self._port.speak(list(message.messages), _TELL.get(), ctx.cancellation_token)

    async def save_state(self) -> Mapping[str, Any]:
        return await self._port.save_state()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        await self._port.load_state(state)


class RuntimeParticipant:
    """A participant whose turns go through a runtime, which the caller starts and stops.

    Args:
        port: who takes part.
        runtime: where it is registered, before its first turn.
        team_id: tells apart participants of teams that share the runtime.
    """

    def __init__(self, port: Participant, runtime: AgentRuntime, team_id: str) -> None:
        self._port, self._runtime = port, runtime
        self.name, self.description = port.name, port.description
        self._id = AgentId(f"{port.name}_{team_id}", team_id)
        self._registered = False

    async def speak(self, heard: list[BaseChatMessage], tell: Tell, token: CancellationToken) -> Spoken:
        if not self._registered:
            await self._runtime.register_agent_instance(RegisteredParticipant(self._port), self._id)
            self._registered = True
        reset = _TELL.set(tell)
        try:
            answer = await self._runtime.send_message(TurnRequest(heard), self._id, cancellation_token=token)
        finally:
            _TELL.reset(reset)
        if not isinstance(answer, Spoken):
            raise TypeError(f"the runtime answered {self.name}'s turn with {answer!r}, not with what was said")
        return answer

    def heard(self) -> None:
        self._port.heard()

    async def reset(self) -> None:
        await self._port.reset()

    async def pause(self) -> None:
        await self._port.pause()

    async def resume(self) -> None:
        await self._port.resume()

    async def save_state(self) -> Mapping[str, Any]:
        return await self._port.save_state()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        await self._port.load_state(state)
