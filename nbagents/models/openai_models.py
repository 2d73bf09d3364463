"""What OpenAI's own models can do, by the beginnings of their names, so that nobody has to say it."""

from __future__ import annotations

from .model_info import ModelFamily, ModelInfo

UNKNOWN_MODEL_INFO = ModelInfo(
    vision=False,
    function_calling=True,
    json_output=True,
    structured_output=True,
    family=ModelFamily.UNKNOWN,
    multiple_system_messages=True,
)
"""What is assumed of a model that nobody described: a current chat model without eyes."""

UNKNOWN_CONTEXT = 32_768

# The first beginning that fits decides, so the longer ones stand before the shorter ones.
_KNOWN: tuple[tuple[str, str, bool, bool, int], ...] = (
    # beginning, family, vision, structured output, tokens
    ("gpt-5", ModelFamily.GPT_5, True, True, 400_000),
    ("gpt-4.1", ModelFamily.GPT_41, True, True, 1_047_576),
    ("gpt-4.5", ModelFamily.GPT_45, True, True, 128_000),
    ("gpt-4o", ModelFamily.GPT_4O, True, True, 128_000),
    ("chatgpt-4o", ModelFamily.GPT_4O, True, True, 128_000),
    ("gpt-4-turbo", ModelFamily.GPT_4, True, False, 128_000),
    ("gpt-4", ModelFamily.GPT_4, False, False, 8_192),
    ("gpt-3.5", ModelFamily.GPT_35, False, False, 16_385),
    ("o1", ModelFamily.O1, True, True, 200_000),
    ("o3-mini", ModelFamily.O3, False, True, 200_000),
    ("o3", ModelFamily.O3, True, True, 200_000),
    ("o4", ModelFamily.O4, True, True, 200_000),
    ("deepseek-reasoner", ModelFamily.R1, False, False, 65_536),
    ("deepseek-r1", ModelFamily.R1, False, False, 65_536),
)


def info_of(model: str) -> ModelInfo:
    """What `model` can do, as far as its name says."""
    for beginning, family, vision, structured, _ in _KNOWN:
        if model.lower().startswith(beginning):
            return UNKNOWN_MODEL_INFO | {"family": family, "vision": vision, "structured_output": structured}
    return UNKNOWN_MODEL_INFO


def context_of(model: str) -> int:
    """Tokens that `model` has room for, prompt and answer together."""
    return next((tokens for beginning, *_, tokens in _KNOWN if model.lower().startswith(beginning)), UNKNOWN_CONTEXT)
