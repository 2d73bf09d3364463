"""How many tokens a request will take, estimated from its text.

A tokeniser would be exact for one model, and fetch its table from the internet. What the number decides (when to
forget old messages) needs no exactness; the provider's own count comes back with each answer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from ..image import Image
from .messages import FunctionExecutionResult, FunctionExecutionResultMessage, LLMMessage
from .offered import OfferedTool, schema_of
from .tally import Tally

BYTES_PER_TOKEN = 4
PER_MESSAGE = 4
"""Tokens with which a chat template wraps each message."""
PER_IMAGE = 800
"""About what a picture of a megapixel costs."""


def estimate_tokens(
    messages: Sequence[LLMMessage],
    tools: Sequence[OfferedTool] = (),
    *,
    bytes_per_token: float = BYTES_PER_TOKEN,
    per_image: int = PER_IMAGE,
) -> int:
    """Tokens of these messages and tools; for text of natural language and code usually within a fifth.

    The number depends on nothing but the arguments: what it decides must come out the same in a replay.
    """
    size = _SIZES(messages) + sum(_size(json.dumps(schema_of(tool), default=str)) for tool in tools)
    wrapping = PER_MESSAGE * _PARTS(messages)
    return math.ceil(size / bytes_per_token) + wrapping + _PICTURES(messages) * per_image


def estimate_text(text: str, bytes_per_token: float = BYTES_PER_TOKEN) -> int:
    """Tokens of a text that a model wrote."""
    return math.ceil(_size(text) / bytes_per_token)


def _parts(message: LLMMessage) -> int:
    """Messages on the wire that this one is."""
    return len(message.content) if isinstance(message, FunctionExecutionResultMessage) else 1


def _pictures(message: LLMMessage) -> int:
    return 0 if isinstance(message.content, str) else sum(isinstance(part, Image) for part in message.content)


def _size_of(message: LLMMessage) -> int:
    """Bytes of the text in a message."""
    if isinstance(message.content, str):
        return _size(message.content)
    if isinstance(message, FunctionExecutionResultMessage):
        return sum(_size(result.content) for result in message.content)
    return sum(
        _size(part) if isinstance(part, str) else 0 if isinstance(part, Image) else _size(part.name + part.arguments)
        for part in message.content
        if not isinstance(part, FunctionExecutionResult)
    )


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


_SIZES, _PARTS, _PICTURES = Tally(_size_of), Tally(_parts), Tally(_pictures)
