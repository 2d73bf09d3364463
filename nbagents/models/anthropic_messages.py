"""Messages in the shape of Anthropic's Messages API.

What it wants that others do not: instructions stand outside of the conversation; turns of person and model alternate,
beginning and ending with the person's; no text is empty; results of calls stand at the beginning of the turn after
them; and of a model that thinks while it uses tools, its thought goes back as it was signed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..image import Image
from .messages import (
    AssistantMessage,
    FunctionCall,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from .openai_tools import normalized

BEGIN, GO_ON = "Begin.", "Go on."
"""What the person says where a conversation begins or ends with the model's own words."""

_ID = re.compile(r"[^a-zA-Z0-9_-]")

Thoughts = Mapping[str, Sequence[Mapping[str, Any]]]
"""The signed blocks of thought that came before a call, by the call's id."""


def system_of(messages: Sequence[LLMMessage]) -> str:
    """The instructions, as one text."""
    return "\n".join(message.content for message in messages if isinstance(message, SystemMessage))


def turns_of(messages: Sequence[LLMMessage], thoughts: Thoughts, name_prefixes: bool) -> list[dict[str, Any]]:
    """The conversation in alternating turns."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        if isinstance(message, SystemMessage):
            continue
        role = "assistant" if isinstance(message, AssistantMessage) else "user"
        blocks = list(_blocks(message, thoughts, name_prefixes))
        if not blocks:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    if not turns or turns[0]["role"] == "assistant":
        turns.insert(0, {"role": "user", "content": [_text(BEGIN)]})
    if turns[-1]["role"] == "assistant":
        # The API takes this for the beginning of the answer, where it does not refuse it.
        turns.append({"role": "user", "content": [_text(GO_ON)]})
    return turns


def _blocks(message: LLMMessage, thoughts: Thoughts, name_prefixes: bool) -> Iterator[dict[str, Any]]:
    if isinstance(message, FunctionExecutionResultMessage):
        for result in message.content:
            yield {
                "type": "tool_result",
                "tool_use_id": wire_id(result.call_id),
                "content": result.content or "(nothing)",
                "is_error": bool(result.is_error),
            }
    elif isinstance(message, UserMessage):
        if name_prefixes:
            yield _text(f"{message.source} said:")
        for part in [message.content] if isinstance(message.content, str) else message.content:
            if isinstance(part, Image):
                source = {"type": "base64", "media_type": "image/png", "data": part.to_base64()}
                yield {"type": "image", "source": source}
            elif part.strip():
                yield _text(part)
    elif isinstance(message, AssistantMessage):
        yield from _of_model(message, thoughts)


def _of_model(message: AssistantMessage, thoughts: Thoughts) -> Iterator[dict[str, Any]]:
    if isinstance(message.content, str):
        if message.content.strip():
            yield _text(message.content.rstrip())
        return
    signed = next((thoughts[call.id] for call in message.content if call.id in thoughts), None)
    if signed is not None:
        yield from (dict(block) for block in signed)
    elif message.thought and message.thought.strip():
        yield _text(message.thought.rstrip())
    for call in message.content:
        yield {"type": "tool_use", "id": wire_id(call.id), "name": normalized(call.name), "input": input_of(call)}


def wire_id(id: str) -> str:
    """A call's id with the characters that the API allows; one of another provider's may have others."""
    return _ID.sub("_", id) or "call"


def input_of(call: FunctionCall) -> dict[str, Any]:
    """The arguments as an object, which they must be; what the model wrote wrongly stays as it is."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except ValueError:
        arguments = None
    return arguments if isinstance(arguments, dict) else {"arguments": call.arguments}


def calls_in(messages: Sequence[LLMMessage]) -> list[FunctionCall]:
    """The calls that the model made so far."""
    return [
        call
        for message in messages
        if isinstance(message, AssistantMessage) and not isinstance(message.content, str)
        for call in message.content
    ]


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}
