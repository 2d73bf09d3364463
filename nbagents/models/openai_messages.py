"""Messages in the shape of OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..image import Image
from .messages import (
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from .openai_tools import normalized, wire_call


@dataclass(frozen=True, slots=True)
class WireFormat:
    """How a server wants its messages.

    Args:
        name_prefixes: write who speaks before what they say.
        names: send who speaks beside what they say; the model's own messages need none.
        several_systems: keep system messages where they are; else they become one at the beginning, the only
            place where many chat templates allow one.
    """

    name_prefixes: bool = False
    names: bool = True
    several_systems: bool = True

    def messages(self, messages: Sequence[LLMMessage]) -> list[dict[str, Any]]:
        """The conversation as the server reads it."""
        if not self.several_systems:
            messages = _one_system(messages)
        return [part for message in messages for part in self._parts(message)]

    def _parts(self, message: LLMMessage) -> Iterator[dict[str, Any]]:
        if isinstance(message, SystemMessage):
            yield {"role": "system", "content": message.content}
        elif isinstance(message, UserMessage):
            yield {"role": "user", "content": self._content(message), **self._name(message)}
        elif isinstance(message, FunctionExecutionResultMessage):
            for result in message.content:
                yield {"role": "tool", "tool_call_id": result.call_id, "content": result.content}
        elif isinstance(message.content, str):
            yield {"role": "assistant", "content": message.content}
        else:
            calls = [wire_call(call) for call in message.content]
            yield {"role": "assistant", "content": message.thought, "tool_calls": calls}

    def _content(self, message: UserMessage) -> str | list[dict[str, Any]]:
        prefix = f"{message.source} said:\n" if self.name_prefixes else ""
        if isinstance(message.content, str):
            return prefix + message.content
        first, *rest = message.content or [""]
        said = [prefix + first, *rest] if isinstance(first, str) else [prefix, first, *rest]
        return [_part(part) for part in said if part != ""]

    def _name(self, message: UserMessage) -> dict[str, str]:
        return {"name": normalized(message.source)} if self.names and message.source else {}


def _part(part: str | Image) -> dict[str, Any]:
    return part.to_openai_format() if isinstance(part, Image) else {"type": "text", "text": part}


def _one_system(messages: Sequence[LLMMessage]) -> Sequence[LLMMessage]:
    systems = [message.content for message in messages if isinstance(message, SystemMessage)]
    rest = [message for message in messages if not isinstance(message, SystemMessage)]
    return [SystemMessage(content="\n".join(systems)), *rest] if systems else rest
