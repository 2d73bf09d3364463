"""What is asked of a model besides the messages: as JSON for keys and journals, and as arguments of a client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from ..cancellation import CancellationToken
from ..image import Image
from .messages import LLMMessage, UserMessage
from .model_info import ModelInfo
from .offered import OfferedTool, ToolChoice, choice_as_json, schema_of


def options_as_json(
    tools: Sequence[OfferedTool],
    tool_choice: ToolChoice,
    json_output: bool | type[BaseModel] | None,
    extra_create_args: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """What changes the answer, without what was left at its default: part of the key of a model call."""
    options: dict[str, Any] = {}
    if tools:
        options["tools"] = [schema_of(tool) for tool in tools]
    if tool_choice != "auto":
        options["tool_choice"] = choice_as_json(tool_choice)
    if json_output:
        options["json_output"] = True if json_output is True else json_output.model_json_schema()
    if extra_create_args:
        options["extra_create_args"] = dict(extra_create_args)
    return options


def asked_with(
    tools: Sequence[OfferedTool],
    tool_choice: ToolChoice,
    json_output: bool | type[BaseModel] | None,
    extra_create_args: Mapping[str, Any] | None,
    cancellation_token: CancellationToken | None,
) -> dict[str, Any]:
    """The keyword arguments of `create`; a client of the user's own need not know those that are not used."""
    asked: dict[str, Any] = {"cancellation_token": cancellation_token}
    if tools:
        asked["tools"] = tools
    if tool_choice != "auto":
        asked["tool_choice"] = tool_choice
    if json_output is not None:
        asked["json_output"] = json_output
    if extra_create_args:
        asked["extra_create_args"] = extra_create_args
    return asked


def check_supported(
    info: ModelInfo,
    messages: Sequence[LLMMessage],
    tools: Sequence[OfferedTool],
    json_output: bool | type[BaseModel] | None,
) -> None:
    """Refuse what the model cannot do, before it is asked.

    Raises:
        ValueError: `model_info` says that it cannot; says which field. Or `json_output` is something else.
    """
    if not info["vision"] and any(
        isinstance(part, Image)
        for message in messages
        if isinstance(message, UserMessage) and not isinstance(message.content, str)
        for part in message.content
    ):
        raise ValueError("Model does not support vision and image was provided. Say model_info['vision'] if it does")
    if tools and not info["function_calling"]:
        raise ValueError("Model does not support function calling. Say model_info['function_calling'] if it does")
    if not (json_output is None or isinstance(json_output, bool) or _is_form(json_output)):
        raise ValueError(f"json_output must be a boolean or a Pydantic model class, got {type(json_output)}")
    if json_output is True and not info["json_output"]:
        raise ValueError("Model does not support JSON output. Say model_info['json_output'] if it does")
    if isinstance(json_output, type) and not info.get("structured_output", False):
        raise ValueError("Model does not support structured output. Say model_info['structured_output'] if it does")


def _is_form(json_output: object) -> bool:
    return isinstance(json_output, type) and issubclass(json_output, BaseModel)
