"""What models say and are told, as text, and the JSON in it. Names and behaviour are AutoGen's.

They stand in ``autogen_agentchat.utils`` and ``autogen_core.utils``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from ..image import Image
from .messages import FunctionCall, FunctionExecutionResult

_FENCE = re.compile(r"```[ \t]*(\w*)[ \t]*\r?\n(.*?)\r?\n?[ \t]*```", re.S)


def content_to_str(
    content: str | Sequence[str | Image] | Sequence[FunctionCall] | Sequence[FunctionExecutionResult] | BaseModel,
) -> str:
    """The content of a message as text: a picture is ``<image>``, a model its JSON, parts stand in lines."""
    if isinstance(content, str):
        return content
    if isinstance(content, BaseModel):
        return content.model_dump_json()
    return "\n".join("<image>" if isinstance(part, Image) else str(part) for part in content)


def extract_json_from_str(content: str) -> list[dict[str, Any]]:
    """The JSON of every fenced block of `content`; all of it where it has no fence.

    Raises:
        ValueError: a fence is of another language, or what is in it is no JSON.
    """
    fences = _FENCE.findall(content)
    for language, _ in fences:
        if language.lower() not in ("", "json"):
            raise ValueError(f"Expected JSON object, but found language: {language}")
    return [json.loads(text) for text in ([text for _, text in fences] or [content])]
