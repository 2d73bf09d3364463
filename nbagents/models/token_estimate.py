"""How many tokens a request will take, estimated from its text.

A tokeniser would be exact for one model, and fetch its table from the internet. What the number decides (when to
forget old messages) needs no exactness; the provider's own count comes back with each answer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..image import Image
from .messages import FunctionExecutionResultMessage, LLMMessage
from .offered import OfferedTool, schema_of

BYTES_PER_TOKEN = 4
PER_MESSAGE = 4
"""Tokens with which a chat template wraps each message."""
PER_IMAGE = 800
"""About what a picture of a megapixel costs."""


def estimate_tokens(messages: Sequence[LLMMessage], tools: Sequence[OfferedTool] = ()) -> int:
    """Tokens of these messages and tools; for text of natural language and code usually within a fifth."""
    return sum(_of_message(message) for message in messages) + sum(
        _of_text(json.dumps(schema_of(tool), default=str)) for tool in tools
    )


def _of_message(message: LLMMessage) -> int:
    if isinstance(message.content, str):
        return PER_MESSAGE + _of_text(message.content)
    if isinstance(message, FunctionExecutionResultMessage):
        return sum(PER_MESSAGE + _of_text(result.content) for result in message.content)
    total = PER_MESSAGE
    for part in message.content:
        if isinstance(part, Image):
            total += PER_IMAGE
        elif isinstance(part, str):
            total += _of_text(part)
        else:
            total += _of_text(part.name) + _of_text(part.arguments)
    return total


def _of_text(text: str) -> int:
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)
