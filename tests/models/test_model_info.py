"""What a model can do, and how much room it has."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image as PILImage

from nbagents.image import Image
from nbagents.models import (
    AssistantMessage,
    FunctionCall,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    ModelFamily,
    OpenAIChatCompletionClient,
    ReplayChatCompletionClient,
    UserMessage,
    validate_model_info,
)

WHOLE: dict[str, Any] = {"vision": True, "function_calling": True, "json_output": True, "family": "x"}


@pytest.mark.parametrize("missing", WHOLE)
def test_what_decides_about_a_request_must_be_said(missing: str) -> None:
    info = {field: value for field, value in WHOLE.items() if field != missing} | {"structured_output": True}
    with pytest.raises(ValueError, match=f"Missing required field '{missing}'"):
        validate_model_info(info)
    with pytest.raises(ValueError, match=f"Missing required field '{missing}'"):
        OpenAIChatCompletionClient("m", api_key="k", model_info=info)  # type: ignore[arg-type]


def test_structured_output_that_is_not_said_is_a_warning() -> None:
    with pytest.warns(UserWarning, match="Missing required field 'structured_output'"):
        validate_model_info(WHOLE)


def test_families() -> None:
    assert ModelFamily.is_openai(ModelFamily.GPT_4O) and ModelFamily.is_openai(ModelFamily.O3)
    assert ModelFamily.is_claude(ModelFamily.CLAUDE_4_OPUS) and not ModelFamily.is_claude("gpt-4")
    assert ModelFamily.is_gemini("gemini-2.5-pro") and ModelFamily.is_llama("llama-4-scout")
    assert ModelFamily.is_mistral("pixtral") and not ModelFamily.is_openai(ModelFamily.UNKNOWN)
    with pytest.raises(TypeError, match="cannot be instantiated"):
        ModelFamily()


def test_capabilities_are_an_older_name_of_the_info() -> None:
    client = ReplayChatCompletionClient(["x"], model_info={**WHOLE, "structured_output": True})  # type: ignore[typeddict-item]
    with pytest.warns(DeprecationWarning, match="use model_info"):
        assert client.capabilities == client.model_info


def test_tokens_are_estimated_from_everything_that_is_sent() -> None:
    client = OpenAIChatCompletionClient("unheard-of", api_key="k")
    png = Image.from_pil(PILImage.new("RGB", (1, 1)))
    text: LLMMessage = UserMessage(content="word " * 100, source="u")
    more: list[LLMMessage] = [
        UserMessage(content=["see", png], source="u"),
        AssistantMessage(content=[FunctionCall("c", '{"a": 1}', "f")], source="a"),
        FunctionExecutionResultMessage(content=[FunctionExecutionResult(content="r", name="f", call_id="c")]),
    ]
    counts = [client.count_tokens([text, *more[:number]]) for number in range(4)]
    assert 80 < counts[0] < 160
    assert counts == sorted(set(counts))
    assert client.count_tokens([text], tools=[{"name": "f", "description": "long " * 50}]) > counts[0] + 50
    assert client.remaining_tokens([text]) == 32_768 - counts[0]
