"""Participants that do what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nbagents.agents import BaseChatAgent, Response
from nbagents.cancellation import CancellationToken
from nbagents.messages import BaseChatMessage, HandoffMessage, TextMessage


class Member(BaseChatAgent):
    """Says "<name><count>", or what `says` returns, after `wait` if it is given; keeps what it heard."""

    def __init__(
        self,
        name: str,
        says: Callable[[Member], str | BaseChatMessage] | str | None = None,
        *,
        wait: asyncio.Event | None = None,
    ) -> None:
        super().__init__(name, f"{name} takes part")
        self.says, self.wait = says, wait
        self.heard: list[str] = []
        self.calls = self.paused = self.resumed = 0
        self.began = asyncio.Event()

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return (TextMessage, HandoffMessage)

    async def on_messages(self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken) -> Response:
        self.began.set()
        if self.wait is not None:
            await self.wait.wait()
        self.calls += 1
        said = self.says(self) if callable(self.says) else self.says or f"{self.name}{self.calls}"
        self.heard += [message.to_text() for message in messages]
        message = TextMessage(content=said, source=self.name) if isinstance(said, str) else said
        return Response(chat_message=message)

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        self.heard.clear()
        self.calls = 0

    async def on_pause(self, cancellation_token: CancellationToken) -> None:
        self.paused += 1

    async def on_resume(self, cancellation_token: CancellationToken) -> None:
        self.resumed += 1

    async def save_state(self) -> Mapping[str, Any]:
        return {"type": "MemberState", "version": "1.0.0", "calls": self.calls}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        self.calls = state["calls"]


def hands_to(target: str, source: str) -> Callable[[Member], BaseChatMessage]:
    """Says a handoff."""
    return lambda _: HandoffMessage(content=f"over to {target}", target=target, source=source)


def sources(result: Any) -> list[str]:
    """Who said what stands in a result."""
    return [message.source for message in result.messages]


def texts(result: Any) -> list[str]:
    """What stands in a result."""
    return [message.to_text() for message in result.messages]
