"""OpenAI's protocol as functions, for clients that others build on AutoGen's: its private modules have these names.

They say what `OpenAIChatCompletionClient` sends, but for names: what the protocol does not allow, these refuse.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from ..image import Image
from ..models.messages import AssistantMessage, LLMMessage, UserMessage
from ..models.model_info import ModelFamily
from ..models.offered import OfferedTool, ToolChoice, check_choice
from ..models.openai_messages import WireFormat
from ..models.openai_models import UNKNOWN_MODEL_INFO
from ..models.openai_tools import LONGEST_NAME, WireTools, normalized
from ..models.token_estimate import estimate_tokens

_LONGEST_EDGE, _SHORT_EDGE, _TILE = 2048, 768, 512
_PER_IMAGE, _PER_TILE = 85, 170


def assert_valid_name(name: str) -> str:
    """`name`, if the protocol allows it.

    Raises:
        ValueError: it does not.
    """
    if not name or normalized(name) != name[:LONGEST_NAME]:
        raise ValueError(f"Invalid name: {name}. Only letters, numbers, '_' and '-' are allowed.")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"Invalid name: {name}. Name must be less than {LONGEST_NAME} characters.")
    return name


def resolve_model(model: str) -> str:
    """`model`: which dated one it stands for is the server's to say, and its answers do."""
    return model


def convert_tools(tools: Sequence[OfferedTool]) -> list[dict[str, Any]]:
    """The tools as a request has them.

    Raises:
        ValueError: a name that the protocol does not allow, or two alike.
    """
    wire = WireTools(tools, "auto")
    for name in wire.names:
        assert_valid_name(name)
    sent: list[dict[str, Any]] = wire.arguments().get("tools", [])
    return sent


def convert_tool_choice(tool_choice: ToolChoice) -> Any:
    """The choice as a request has it.

    Raises:
        ValueError: it is neither a tool nor one of the words.
    """
    check_choice([] if isinstance(tool_choice, str) else [tool_choice], tool_choice)
    if isinstance(tool_choice, str):
        return tool_choice
    return {"type": "function", "function": {"name": tool_choice.name}}


def to_oai_type(
    message: LLMMessage,
    prepend_name: bool = False,
    model: str = "unknown",
    model_family: str = ModelFamily.UNKNOWN,
    include_name_in_message: bool = True,
) -> list[dict[str, Any]]:
    """The message as a request to a model of the family has it; several for the results of several calls.

    Raises:
        ValueError: who speaks has a name that the protocol does not allow.
    """
    if isinstance(message, UserMessage | AssistantMessage):
        assert_valid_name(message.source)
    info = UNKNOWN_MODEL_INFO | {"family": model_family}
    wire = WireFormat.of(info, name_prefixes=prepend_name, names=None if include_name_in_message else False)
    return wire.messages([message])


def count_tokens_openai(
    messages: Sequence[LLMMessage], model: str, *, tools: Sequence[OfferedTool] = (), **_: Any
) -> int:
    """Tokens of messages and tools, as our clients estimate them: no tokeniser is fetched."""
    return estimate_tokens(messages, tools)


def calculate_vision_tokens(image: Image, detail: Literal["auto", "low", "high"] = "auto") -> int:
    """Tokens of a picture as OpenAI counted them for GPT-4o: so many for each tile, after it was scaled down.

    Source: https://platform.openai.com/docs/guides/images-vision#calculating-costs
    """
    if detail == "low":
        return _PER_IMAGE
    width, height = image.image.size
    width, height = _scaled(width, height, by=max(width, height), to=_LONGEST_EDGE)
    width, height = _scaled(width, height, by=min(width, height), to=_SHORT_EDGE)
    return _PER_IMAGE + _PER_TILE * math.ceil(width / _TILE) * math.ceil(height / _TILE)


def _scaled(width: int, height: int, *, by: int, to: int) -> tuple[int, int]:
    return (width, height) if by <= to else (int(width * to / by), int(height * to / by))
