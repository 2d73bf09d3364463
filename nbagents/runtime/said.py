"""What was said in a run, read from its journal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..messages import BaseAgentEvent, BaseChatMessage, load_message
from .journal_lines import Entry


def messages_of(entries: Iterable[Entry]) -> list[BaseChatMessage | BaseAgentEvent]:
    """The conversation so far, the task first."""
    found = []
    for entry in entries:
        if entry["type"] == "task":
            found += [load_message(message) for message in entry["messages"]]
        elif entry["type"] == "message":
            found.append(load_message(entry["message"]))
    return found


def answer_in(messages: Sequence[BaseChatMessage | BaseAgentEvent], stop_text: str) -> str:
    """The last message that says more than the word that ends the conversation; "" where none does."""
    for message in reversed(messages):
        if isinstance(message, BaseChatMessage) and message.source != "user":
            text = message.to_text()
            rest = text.replace(stop_text, "") if stop_text else text
            if any(character.isalnum() for character in rest):
                return text
    return ""
