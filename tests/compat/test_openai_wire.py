"""The protocol as functions, for clients that are built on it; numbers as OpenAI's guide computes them."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image as PILImage

from nbagents import autogen_names
from nbagents.compat.openai_wire import (
    assert_valid_name,
    calculate_vision_tokens,
    convert_tool_choice,
    convert_tools,
    count_tokens_openai,
    resolve_model,
    to_oai_type,
)
from nbagents.image import Image
from nbagents.models import AssistantMessage, FunctionCall, LLMMessage, SystemMessage, UserMessage
from nbagents.tools import FunctionTool

CALL = AssistantMessage(content=[FunctionCall("1", "{}", "f")], source="bob")


def twice(text: str) -> str:
    """Say it again."""
    return text * 2


@pytest.mark.parametrize("name", ["a b", "", "é", "a\n", "x" * 65])
def test_a_name_that_the_protocol_does_not_allow_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="Invalid name"):
        assert_valid_name(name)
    with pytest.raises(ValueError, match="Invalid name"):
        convert_tools([{"name": name}])
    with pytest.raises(ValueError, match="Invalid name"):
        to_oai_type(UserMessage(content="hi", source=name))


def test_tools_and_choices_as_a_request_has_them() -> None:
    tool = FunctionTool(twice, description="Says it twice.")
    (sent,) = convert_tools([tool])
    assert (sent["type"], sent["function"]["name"], sent["function"]["strict"]) == ("function", "twice", False)
    assert convert_tools([tool.schema]) == [sent] and convert_tools([]) == []
    assert convert_tool_choice("required") == "required"
    assert convert_tool_choice(tool) == {"type": "function", "function": {"name": "twice"}}


@pytest.mark.parametrize(
    ("message", "options", "sent"),
    [
        (SystemMessage(content="s"), {}, {"role": "system", "content": "s"}),
        (UserMessage(content="u", source="bob"), {}, {"role": "user", "content": "u", "name": "bob"}),
        (UserMessage(content="u", source="bob"), {"model_family": "mistral"}, {"role": "user", "content": "u"}),
        (
            UserMessage(content="u", source="bob"),
            {"prepend_name": True, "include_name_in_message": False},
            {"role": "user", "content": "bob said:\nu"},
        ),
        (UserMessage(content="", source="b"), {"model_family": "gemini-1.5-pro", "include_name_in_message": False},
         {"role": "user", "content": " "}),
    ],
)  # fmt: skip
def test_a_message_as_a_request_has_it(message: LLMMessage, options: dict[str, Any], sent: dict[str, Any]) -> None:
    assert to_oai_type(message, **options) == [sent]


def test_calls_as_a_request_has_them() -> None:
    (sent,) = to_oai_type(CALL)
    assert (sent["content"], sent["tool_calls"][0]["function"]) == (None, {"name": "f", "arguments": "{}"})
    assert count_tokens_openai([CALL], "gpt-4o", model_family="gpt-4o") > 0


@pytest.mark.parametrize(
    ("size", "tokens"),
    [((1, 1), 255), ((512, 512), 255), ((513, 512), 425), ((1024, 1024), 765), ((2048, 4096), 1105)],
)
def test_tokens_of_a_picture(size: tuple[int, int], tokens: int) -> None:
    image = Image.from_pil(PILImage.new("RGB", size))
    assert calculate_vision_tokens(image) == calculate_vision_tokens(image, "high") == tokens
    assert calculate_vision_tokens(image, "low") == 85


def test_a_name_stands_for_itself_as_only_the_server_knows_its_date() -> None:
    assert resolve_model("gpt-4o") == "gpt-4o"


def test_they_are_where_autogen_has_them() -> None:
    private = autogen_names.names("autogen_ext.models.openai._openai_client")
    assert private["to_oai_type"] == ("nbagents.compat.openai_wire", "to_oai_type")
    assert "to_oai_type" not in autogen_names.names("autogen_ext.models.openai")
