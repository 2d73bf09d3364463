"""What models can do, by the beginnings of their names, so that nobody has to say it.

OpenAI's own are listed one by one; of the others that such servers serve, what matters is known by family: who sees
pictures, and whose text begins with its thought. A name that says nothing is taken for a current chat model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

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
    ("gpt-4o-2024-05-13", ModelFamily.GPT_4O, True, False, 128_000),
    ("gpt-4o", ModelFamily.GPT_4O, True, True, 128_000),
    ("chatgpt-4o", ModelFamily.GPT_4O, True, True, 128_000),
    ("gpt-4-turbo", ModelFamily.GPT_4, True, False, 128_000),
    ("gpt-4", ModelFamily.GPT_4, False, False, 8_192),
    ("gpt-3.5", ModelFamily.GPT_35, False, False, 16_385),
    ("o1-mini", ModelFamily.O1, False, False, 128_000),
    ("o1-preview", ModelFamily.O1, False, False, 128_000),
    ("o1", ModelFamily.O1, True, True, 200_000),
    ("o3-mini", ModelFamily.O3, False, True, 200_000),
    ("o3", ModelFamily.O3, True, True, 200_000),
    ("o4", ModelFamily.O4, True, True, 200_000),
    ("deepseek-reasoner", ModelFamily.R1, False, False, 65_536),
    ("deepseek-r1", ModelFamily.R1, False, False, 65_536),
)


_FAMILIES: tuple[tuple[str, str, bool, int], ...] = (
    # beginning, family, vision, tokens
    ("claude-3-haiku", ModelFamily.CLAUDE_3_HAIKU, True, 200_000),
    ("claude-3-sonnet", ModelFamily.CLAUDE_3_SONNET, True, 200_000),
    ("claude-3-opus", ModelFamily.CLAUDE_3_OPUS, True, 200_000),
    ("claude-3-5-haiku", ModelFamily.CLAUDE_3_5_HAIKU, True, 200_000),
    ("claude-3-5-sonnet", ModelFamily.CLAUDE_3_5_SONNET, True, 200_000),
    ("claude-3-7-sonnet", ModelFamily.CLAUDE_3_7_SONNET, True, 200_000),
    ("claude-opus", ModelFamily.CLAUDE_4_OPUS, True, 200_000),
    ("claude", ModelFamily.CLAUDE_4_SONNET, True, 200_000),
    ("gemini-1.5-flash", ModelFamily.GEMINI_1_5_FLASH, True, 1_048_576),
    ("gemini-1.5-pro", ModelFamily.GEMINI_1_5_PRO, True, 2_097_152),
    ("gemini-2.5-flash", ModelFamily.GEMINI_2_5_FLASH, True, 1_048_576),
    ("gemini-2.5-pro", ModelFamily.GEMINI_2_5_PRO, True, 1_048_576),
    ("gemini-2.0-flash", ModelFamily.GEMINI_2_0_FLASH, True, 1_048_576),
    ("gemini", ModelFamily.GEMINI_2_5_PRO, True, 1_048_576),
    ("gpt-oss", ModelFamily.UNKNOWN, False, 131_072),
    ("llama-4-scout", ModelFamily.LLAMA_4_SCOUT, True, 131_072),
    ("llama-4-maverick", ModelFamily.LLAMA_4_MAVERICK, True, 131_072),
    ("llama-3.3-8b", ModelFamily.LLAMA_3_3_8B, False, 131_072),
    ("llama-3.3-70b", ModelFamily.LLAMA_3_3_70B, False, 131_072),
    ("codestral", ModelFamily.CODESRAL, False, 131_072),
    ("ministral", ModelFamily.MINISTRAL, False, 131_072),
    ("pixtral", ModelFamily.PIXTRAL, True, 131_072),
    ("mistral", ModelFamily.MISTRAL, False, 32_768),
)
_SEES = re.compile(r"(?:^|[-_.:])(?:vl|vision|llava|bakllava|minicpm-v|gemma-?3|moondream|omni)(?:$|[-_.:\d])|vl[:-]")


class Elsewhere(NamedTuple):
    """A provider of its own that speaks OpenAI's protocol."""

    address: str
    key_of: str
    """Whose key it takes, as `nbagents.models.keys` knows it."""


_ELSEWHERE: Mapping[str, Elsewhere] = {
    "gemini-": Elsewhere("https://generativelanguage.googleapis.com/v1beta/openai/", "gemini"),
    "claude-": Elsewhere("https://api.anthropic.com/v1/", "anthropic"),
    "Llama-": Elsewhere("https://api.llama.com/compat/v1/", "llama"),
}


def elsewhere(model: str) -> Elsewhere | None:
    """Where `model` is where nobody says where; None for OpenAI's. As in AutoGen, the beginning of its name decides."""
    return next((place for beginning, place in _ELSEWHERE.items() if model.startswith(beginning)), None)


def info_of(model: str) -> ModelInfo:
    """What `model` can do, as far as its name says."""
    name = _bare(model)
    for beginning, family, vision, structured, _ in _KNOWN:
        if name.startswith(beginning):
            return UNKNOWN_MODEL_INFO | {"family": family, "vision": vision, "structured_output": structured}
    for beginning, family, vision, _ in _FAMILIES:
        if name.startswith(beginning):
            several = not ModelFamily.is_gemini(family)  # which heeds only the last
            return UNKNOWN_MODEL_INFO | {"family": family, "vision": vision, "multiple_system_messages": several}
    return UNKNOWN_MODEL_INFO | {"vision": True} if _SEES.search(name) else UNKNOWN_MODEL_INFO


def context_of(model: str) -> int:
    """Tokens that `model` has room for, prompt and answer together."""
    name = _bare(model)
    rooms = [(row[0], row[-1]) for row in _KNOWN] + [(row[0], row[-1]) for row in _FAMILIES]
    return next((tokens for beginning, tokens in rooms if name.startswith(beginning)), UNKNOWN_CONTEXT)


def _bare(model: str) -> str:
    """The model's own name: without the vendor that gateways, and the folder that servers, put before it."""
    return model.lower().rpartition("/")[2]
