"""Asks a model who speaks next, and asks again until it names exactly one who can."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from ..cancellation import CancellationToken
from ..messages import ModelClientStreamingChunkEvent, SelectorEvent
from ..models import ModelFamily
from ..models.messages import AssistantMessage, LLMMessage, SystemMessage, UserMessage
from ..runtime import current_gate
from .participant import Tell

if TYPE_CHECKING:
    from .selector_group_chat import SelectorGroupChat

SELECTOR_PROMPT = """Several people talk about a task. These take part:
{roles}

What was said so far:

{history}

Who should speak next? Choose one of {participants} and answer with that name alone."""


class Selection:
    """One choice of the next speaker.

    Args:
        team: who chooses.
        candidates: of whom is chosen.
        previous: who spoke last, if they may not be chosen.
    """

    def __init__(self, team: SelectorGroupChat, candidates: list[str], previous: str | None) -> None:
        self._team, self._candidates, self._previous = team, candidates, previous

    async def asked(self, history: Sequence[LLMMessage], tell: Tell, token: CancellationToken) -> str | None:
        """Ask the model; None when it named nobody who can speak in any of its attempts.

        Raises:
            ModelError: the model did not answer.
        """
        said = [self._question(history)]
        for _ in range(self._team._max_selector_attempts):
            answer = await self._answer(said, tell, token)
            said.append(AssistantMessage(content=answer, source="selector"))
            name, feedback = self._judged(answer)
            if name:
                return name
            said.append(UserMessage(content=feedback, source="user"))
        return None

    def _question(self, history: Sequence[LLMMessage]) -> LLMMessage:
        team = self._team
        prompt = team._selector_prompt.format(
            roles="\n".join(" ".join(f"{member.name}: {member.description}".split()) for member in team._participants),
            participants=str(self._candidates),
            history="\n".join(
                f"{message.source}: {_text(message)}".rstrip() + "\n\n"
                for message in history
                if isinstance(message, UserMessage | AssistantMessage)
            ),
        )
        family = team._model_client.model_info.get("family", "unknown")
        if ModelFamily.is_openai(family):
            return SystemMessage(content=prompt)
        return UserMessage(content=prompt, source="user")

    async def _answer(self, said: list[LLMMessage], tell: Tell, token: CancellationToken) -> str:
        team = self._team
        shows = team._model_client_streaming and team._emit_team_events
        parts = current_gate().model(
            team.name, team._model_client, list(said), stream=team._model_client_streaming, cancellation_token=token
        )
        text = ""
        async with aclosing(parts):
            async for part in parts:
                if not isinstance(part, str):
                    text = part.content if isinstance(part.content, str) else ""
                elif shows:
                    await tell(ModelClientStreamingChunkEvent(content=part, source=team.manager_name))
        if shows:
            await tell(SelectorEvent(content=text, source=team.manager_name))
        return text.strip()

    def _judged(self, answer: str) -> tuple[str | None, str]:
        """The one who was named, or what is wrong with the answer."""
        named = [name for name in self._team._participant_names if _mentions(answer, name)]
        if len(named) > 1:
            return None, (
                f"Expected exactly one name to be mentioned. Please select only one from: {self._candidates}."
            )
        if named and named[0] == self._previous:
            return None, (f"Repeated speaker is not allowed, please select a different name from: {self._candidates}.")
        if not named or named[0] not in self._candidates:
            return None, f"No valid name was mentioned. Please select from: {self._candidates}."
        return named[0], ""


def _text(message: UserMessage | AssistantMessage) -> str:
    """What stands in the history for a message: a picture is only named."""
    if isinstance(message.content, str):
        return message.content
    return "\n".join(part if isinstance(part, str) else f"[{type(part).__name__}]" for part in message.content)


def _mentions(text: str, name: str) -> bool:
    """True when `name` stands in `text` as a word, also as markdown or prose would spell its underscores."""
    spelled = {name, name.replace("_", " "), name.replace("_", r"\_")}
    words = "|".join(re.escape(word) for word in spelled)
    return re.search(rf"(?<!\w)(?:{words})(?!\w)", text) is not None
