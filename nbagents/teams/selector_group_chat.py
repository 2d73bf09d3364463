"""`SelectorGroupChat`: a model, or a function, chooses who speaks next. Name and signature are AutoGen's."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Self, cast

from pydantic import ConfigDict

from ..agents.agent_port import ChatAgent
from ..cancellation import CancellationToken
from ..component import Component, ComponentModel
from ..conditions import TerminationCondition
from ..memory import ChatCompletionContext, UnboundedChatCompletionContext
from ..messages import BaseChatMessage
from ..models.client import ChatCompletionClient
from .configs import TeamConfig, arguments_of, fields_of
from .group_chat import BaseGroupChat
from .participant import Message, Spoken, Tell
from .selection import SELECTOR_PROMPT, Selection
from .team import Team

SelectorFunc = Callable[[Sequence[Message]], str | None] | Callable[[Sequence[Message]], Awaitable[str | None]]
"""Gets the conversation and names who speaks next; None leaves it to the model."""
CandidateFunc = Callable[[Sequence[Message]], list[str]] | Callable[[Sequence[Message]], Awaitable[list[str]]]
"""Gets the conversation and names those of whom the model chooses."""

_log = logging.getLogger(__name__)


class SelectorGroupChatConfig(TeamConfig):
    """And who chooses."""

    model_config = ConfigDict(protected_namespaces=())

    model_client: ComponentModel
    selector_prompt: str | None = None
    allow_repeated_speaker: bool = False
    max_selector_attempts: int = 3
    model_client_streaming: bool = False
    model_context: ComponentModel | None = None


class SelectorGroupChat(BaseGroupChat, Component[SelectorGroupChatConfig]):
    """Before each turn a model reads the conversation and names who speaks next.

    Args:
        participants: at least two agents or teams; the model reads their descriptions.
        model_client: who chooses.
        name: what the team is called; the selector's model calls are counted under it.
        description: what the team is for.
        termination_condition: when to stop.
        max_turns: turns per run, None for no limit.
        runtime: where the participants are registered; None for none.
        selector_prompt: may contain {roles}, {participants} and {history}.
        allow_repeated_speaker: whether who spoke last may be chosen again.
        max_selector_attempts: how often the model is asked again when it does not name exactly one candidate.
        selector_func: chooses instead of the model, unless it returns None.
        candidate_func: names the candidates of a turn.
        custom_message_types: message classes of the user's own that may be said here.
        emit_team_events: also show who is chosen to speak.
        model_client_streaming: show the model's choice while it comes (with `emit_team_events`).
        model_context: what the model reads of the conversation; None for all of it.

    Raises:
        ValueError: fewer than two participants.
    """

    component_config_schema = SelectorGroupChatConfig

    DEFAULT_NAME = "SelectorGroupChat"
    manager_name = "SelectorGroupChatManager"
    state_type = "SelectorManagerState"

    def __init__(
        self,
        participants: Sequence[ChatAgent | Team],
        model_client: ChatCompletionClient,
        *,
        name: str | None = None,
        description: str | None = None,
        termination_condition: TerminationCondition | None = None,
        max_turns: int | None = None,
        runtime: Any = None,
        selector_prompt: str = SELECTOR_PROMPT,
        allow_repeated_speaker: bool = False,
        max_selector_attempts: int = 3,
        selector_func: SelectorFunc | None = None,
        candidate_func: CandidateFunc | None = None,
        custom_message_types: Sequence[type[Message]] | None = None,
        emit_team_events: bool = False,
        model_client_streaming: bool = False,
        model_context: ChatCompletionContext | None = None,
    ) -> None:
        super().__init__(
            participants,
            name=name,
            description=description,
            termination_condition=termination_condition,
            max_turns=max_turns,
            runtime=runtime,
            custom_message_types=custom_message_types,
            emit_team_events=emit_team_events,
        )
        if len(participants) < 2:
            raise ValueError("At least two participants are required for SelectorGroupChat.")
        self._model_client = model_client
        self._selector_prompt = selector_prompt
        self._allow_repeated_speaker = allow_repeated_speaker
        self._max_selector_attempts = max_selector_attempts
        self._selector_func, self._candidate_func = selector_func, candidate_func
        self._model_client_streaming = model_client_streaming
        self._own_context = model_context is not None
        self._model_context = model_context or UnboundedChatCompletionContext()
        self._in_context = 0  # so much of the thread is in the context
        self._previous_speaker: str | None = None

    async def _heard_task(self, task: Sequence[BaseChatMessage], tell: Tell) -> None:
        if task:
            self._asked.clear()  # something new was said: who speaks next is chosen anew

    async def _next_speakers(self, tell: Tell, token: CancellationToken) -> Sequence[str]:
        speaker = await self._selected(tell, token)
        return (speaker,)

    def _spoke(self, speaker: str, spoken: Spoken) -> None:
        self._previous_speaker = speaker

    async def _selected(self, tell: Tell, token: CancellationToken) -> str:
        if self._selector_func is not None:
            named = await _called(self._selector_func, list(self._thread))
            if named is not None:
                if named not in self._participant_names:
                    raise ValueError(
                        f"Selector function returned an invalid speaker name: {named}. "
                        f"Expected one of: {self._participant_names}."
                    )
                return cast(str, named)
        candidates = await self._candidates()
        if len(candidates) == 1:
            return candidates[0]
        await self._follow_thread()
        selection = Selection(self, candidates, None if self._allow_repeated_speaker else self._previous_speaker)
        chosen = await selection.asked(await self._model_context.get_messages(), tell, token)
        if chosen is not None:
            return chosen
        previous = self._previous_speaker
        if previous is not None and (self._candidate_func is None or previous in candidates):
            return self._fallback(previous, "the previous speaker")
        return self._fallback(candidates[0], "the first candidate")

    def _fallback(self, speaker: str, which: str) -> str:
        _log.warning(
            "%s: the model named nobody who can speak in %d attempts: %s, %s, goes on",
            self.name, self._max_selector_attempts, speaker, which,
        )  # fmt: skip
        return speaker

    async def _candidates(self) -> list[str]:
        if self._candidate_func is not None:
            named = await _called(self._candidate_func, list(self._thread))
            if not named:
                raise ValueError("Candidate function must return a non-empty list of participant names.")
            if not all(name in self._participant_names for name in named):
                raise ValueError(
                    f"Candidate function returned invalid participant names: {named}. "
                    f"Expected one of: {self._participant_names}."
                )
            return list(named)
        if self._previous_speaker is None or self._allow_repeated_speaker:
            return list(self._participant_names)
        return [name for name in self._participant_names if name != self._previous_speaker]

    async def _follow_thread(self) -> None:
        """Put what was said since the last choice into what the model reads."""
        new, self._in_context = self._thread[self._in_context :], len(self._thread)
        for message in new:
            if isinstance(message, BaseChatMessage):
                for heard in getattr(message, "context", ()):
                    await self._model_context.add_message(heard)
                await self._model_context.add_message(message.to_model_message())

    async def reset(self) -> None:
        await super().reset()
        await self._model_context.clear()

    def _forget(self) -> None:
        self._previous_speaker, self._in_context = None, 0

    def _place(self) -> dict[str, Any]:
        return {"previous_speaker": self._previous_speaker}

    def _take_place(self, state: Mapping[str, Any]) -> None:
        self._previous_speaker = state.get("previous_speaker")
        self._in_context = 0

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """As in every team; what the model reads is this conversation, after what a context not used yet began with."""
        fed = self._in_context > 0
        await super().load_state(state)
        if fed:
            await self._model_context.clear()
        await self._complete_context()

    async def _stopped(self, reason: str) -> str:
        await self._complete_context()
        return await super()._stopped(reason)

    async def _complete_context(self) -> None:
        """Whose context it is may look into it, and finds the whole conversation."""
        if self._own_context:
            await self._follow_thread()

    def _to_config(self) -> SelectorGroupChatConfig:
        return SelectorGroupChatConfig(
            **fields_of(self),
            model_client=self._model_client.dump_component(),
            selector_prompt=self._selector_prompt,
            allow_repeated_speaker=self._allow_repeated_speaker,
            max_selector_attempts=self._max_selector_attempts,
            model_client_streaming=self._model_client_streaming,
            model_context=self._model_context.dump_component() if self._own_context else None,
        )

    @classmethod
    def _from_config(cls, config: SelectorGroupChatConfig) -> Self:
        return cls(
            **arguments_of(config),
            model_client=ChatCompletionClient.load_component(config.model_client),
            selector_prompt=SELECTOR_PROMPT if config.selector_prompt is None else config.selector_prompt,
            allow_repeated_speaker=config.allow_repeated_speaker,
            max_selector_attempts=config.max_selector_attempts,
            model_client_streaming=config.model_client_streaming,
            model_context=ChatCompletionContext.load_component(config.model_context) if config.model_context else None,
        )


async def _called(function: Callable[..., Any], thread: Sequence[Message]) -> Any:
    answer = function(thread)
    return await answer if inspect.isawaitable(answer) else answer
