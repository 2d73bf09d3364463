"""Messages in the shape of OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..image import Image
from .messages import (
    AssistantMessage,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from .model_info import ModelFamily, ModelInfo
from .openai_tools import normalized, wire_call


@dataclass(frozen=True, slots=True)
class WireFormat:
    """How a server wants its messages.

    Args:
        name_prefixes: write who speaks before what they say.
        names: send who speaks beside what they say; the model's own messages need none.
        several_systems: keep system messages where they are; else they become one at the beginning, the only
            place where many chat templates allow one.
        empty: what becomes of a message without text: it is sent, as a blank, or not at all.
    """

    name_prefixes: bool = False
    names: bool = True
    several_systems: bool = True
    empty: Literal["sent", "blank", "dropped"] = "sent"

    @classmethod
    def of(cls, info: ModelInfo, *, name_prefixes: bool, names: bool | None) -> WireFormat:
        """As the models of a family want it.

        Args:
            info: what the model can do.
            name_prefixes: as the field says it.
            names: as the field says it; None is as the family has it.
        """
        family = info["family"]
        return cls(
            name_prefixes,
            # Mistral's server refuses a field that it does not know.
            not ModelFamily.is_mistral(family) if names is None else names,
            bool(info.get("multiple_system_messages")),
            # Both refuse a text that is empty, Anthropic's also one of blanks.
            "dropped" if ModelFamily.is_claude(family) else "blank" if ModelFamily.is_gemini(family) else "sent",
        )

    def messages(self, messages: Sequence[LLMMessage]) -> list[dict[str, Any]]:
        """The conversation as the server reads it."""
        if not self.several_systems:
            messages = _one_system(messages)
        parts = [part for message in messages for part in self._parts(message)]
        return parts if self.empty == "sent" else [part for part in map(self._mended, parts) if part is not None]

    def _mended(self, part: dict[str, Any]) -> dict[str, Any] | None:
        content = part["content"]
        if (
            not isinstance(content, str)
            or part["role"] == "tool"
            or (content if self.empty == "blank" else content.strip())
        ):
            return part
        return {**part, "content": " "} if self.empty == "blank" else None

    def _parts(self, message: LLMMessage) -> Iterator[dict[str, Any]]:
        if isinstance(message, SystemMessage):
            yield {"role": "system", "content": message.content}
        elif isinstance(message, UserMessage):
            yield {"role": "user", "content": self._content(message), **self._name(message)}
        elif isinstance(message, FunctionExecutionResultMessage):
            for result in message.content:
                yield {"role": "tool", "tool_call_id": result.call_id, "content": result.content}
        elif not isinstance(message, AssistantMessage):
            raise ValueError(f"Unknown message type: {type(message)}")
        elif isinstance(message.content, str):
            # Taken for the beginning of the answer, which must not end in a blank.
            yield {"role": "assistant", "content": message.content.rstrip() or message.content}
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
