"""The port between a team and those who take part: one narrow protocol.

The conversation loop knows nothing else of a participant, so that one may be an agent in this process, a whole
team, an agent that is registered in a runtime (`on_runtime.py`), or one that lives in another process.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

from ..agents.agent_port import ChatAgent
from ..agents.task import Response, TaskResult, no_response
from ..cancellation import CancellationToken
from ..messages import BaseAgentEvent, BaseChatMessage
from ..models.linked import closing
from .team import Team

Message = BaseAgentEvent | BaseChatMessage

Tell = Callable[[Message], Awaitable[None]]
"""Takes one message or event as it happens: records it, shows it. It waits while the run is paused."""


TAKING_PART: ContextVar[bool] = ContextVar("nbagents_taking_part", default=False)
"""True where a team is run as a participant of another: it may then be asked again about the same messages."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What came of one turn.

    `delta` is what conditions and selectors see, `published` what the others hear, and `untold` what of it was not
    told on the way.
    """

    delta: Sequence[Message]
    published: Sequence[BaseChatMessage]
    untold: Sequence[Message] = ()


class Participant(Protocol):
    """One who takes part in a conversation."""

    @property
    def name(self) -> str:
        """Unique in the team."""

    @property
    def description(self) -> str:
        """What it is for."""

    async def speak(self, heard: list[BaseChatMessage], tell: Tell, token: CancellationToken) -> Spoken:
        """Take one turn, having heard what is new; cancelling it ends everything that it started."""

    def heard(self) -> None:
        """Its turn is complete: what it heard will not be said to it again, unless somebody says it again."""

    async def reset(self) -> None:
        """Forget the conversation."""

    async def pause(self) -> None:
        """Told that the team was paused."""

    async def resume(self) -> None:
        """Told that the team goes on."""

    async def save_state(self) -> Mapping[str, Any]:
        """Its state as JSON."""

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back a state that `save_state` gave."""


class AgentParticipant:
    """An agent in this process."""

    def __init__(self, agent: ChatAgent) -> None:
        self._agent = agent
        self.name, self.description = agent.name, agent.description

    async def speak(self, heard: list[BaseChatMessage], tell: Tell, token: CancellationToken) -> Spoken:
        answer: Response | None = None
        untold = list[Message]()
        async with closing(self._agent.on_messages_stream(heard, token)) as stream:
            async for item in stream:  # to its end: an agent may have something left to do after its answer
                if isinstance(item, Response):
                    answer = item
                    untold.append(item.chat_message)
                elif answer is not None:
                    untold.append(item)
                else:
                    await tell(item)
        if answer is None:
            raise no_response(self.name)
        said = [answer.chat_message]
        return Spoken([*(answer.inner_messages or ()), *said], said, untold)

    def heard(self) -> None:
        return None

    async def reset(self) -> None:
        await self._agent.on_reset(CancellationToken())

    async def pause(self) -> None:
        await self._agent.on_pause(CancellationToken())

    async def resume(self) -> None:
        await self._agent.on_resume(CancellationToken())

    async def save_state(self) -> Mapping[str, Any]:
        return await self._agent.save_state()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        await self._agent.load_state(state)


class TeamParticipant:
    """A team within a team: what it heard is its task, and all that its members say is heard by the others."""

    def __init__(self, team: Team) -> None:
        self._team = team
        self.name, self.description = team.name, team.description

    async def speak(self, heard: list[BaseChatMessage], tell: Tell, token: CancellationToken) -> Spoken:
        result: TaskResult | None = None
        reset = TAKING_PART.set(True)
        try:
            stream = self._team.run_stream(task=heard or None, cancellation_token=token, output_task_messages=False)
            async with closing(stream):
                async for item in stream:  # to its end, as with an agent
                    if isinstance(item, TaskResult):
                        result = item
                    else:
                        await tell(item)
        finally:
            TAKING_PART.reset(reset)
        if result is None:
            raise ValueError(f"{self.name} gave no result: its run_stream must end with a TaskResult")
        chat = [message for message in result.messages if isinstance(message, BaseChatMessage)]
        return Spoken(list(result.messages), chat)

    def heard(self) -> None:
        if isinstance(self._team, Team):  # what merely runs like one takes its turns anew anyway
            self._team.turn_complete()

    async def reset(self) -> None:
        await self._team.reset()

    async def pause(self) -> None:
        if getattr(self._team, "was_run", True):
            await self._team.pause()

    async def resume(self) -> None:
        if getattr(self._team, "was_run", True):
            await self._team.resume()

    async def save_state(self) -> Mapping[str, Any]:
        return await self._team.save_state()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        await self._team.load_state(state)


def is_agent(participant: object) -> bool:
    """True for an agent, of ours or of the user's own making; False for a team."""
    return isinstance(participant, ChatAgent) or hasattr(participant, "on_messages_stream")


def participant_of(member: Any) -> Participant:
    """The port to an agent or a team in this process.

    Raises:
        TypeError: it is neither.
    """
    if is_agent(member):
        return AgentParticipant(member)
    if hasattr(member, "run_stream"):
        return TeamParticipant(member)
    raise TypeError(f"Participant {member} must be a ChatAgent or a Team.")


def only_agents(participants: Sequence[Any]) -> None:
    """Refuse teams as participants, where the kind of team cannot have them.

    Raises:
        TypeError: one of them is no agent.
    """
    for participant in participants:
        if not is_agent(participant):
            raise TypeError(f"Participant {participant} must be a ChatAgent.")
