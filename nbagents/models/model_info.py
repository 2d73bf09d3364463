"""What a model can do: `ModelInfo` and the families of models, with AutoGen's names."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Literal, NotRequired, Required, Self, TypedDict, cast


class ModelFamily:
    """Names for `ModelInfo.family`; any other string is allowed too."""

    GPT_5 = "gpt-5"
    GPT_41 = "gpt-41"
    GPT_45 = "gpt-45"
    GPT_4O = "gpt-4o"
    O1 = "o1"
    O3 = "o3"
    O4 = "o4"
    GPT_4 = "gpt-4"
    GPT_35 = "gpt-35"
    R1 = "r1"
    GEMINI_1_5_FLASH = "gemini-1.5-flash"
    GEMINI_1_5_PRO = "gemini-1.5-pro"
    GEMINI_2_0_FLASH = "gemini-2.0-flash"
    GEMINI_2_5_PRO = "gemini-2.5-pro"
    GEMINI_2_5_FLASH = "gemini-2.5-flash"
    CLAUDE_3_HAIKU = "claude-3-haiku"
    CLAUDE_3_SONNET = "claude-3-sonnet"
    CLAUDE_3_OPUS = "claude-3-opus"
    CLAUDE_3_5_HAIKU = "claude-3-5-haiku"
    CLAUDE_3_5_SONNET = "claude-3-5-sonnet"
    CLAUDE_3_7_SONNET = "claude-3-7-sonnet"
    CLAUDE_4_OPUS = "claude-4-opus"
    CLAUDE_4_SONNET = "claude-4-sonnet"
    LLAMA_3_3_8B = "llama-3.3-8b"
    LLAMA_3_3_70B = "llama-3.3-70b"
    LLAMA_4_SCOUT = "llama-4-scout"
    LLAMA_4_MAVERICK = "llama-4-maverick"
    CODESRAL = "codestral"
    OPEN_CODESRAL_MAMBA = "open-codestral-mamba"
    MISTRAL = "mistral"
    MINISTRAL = "ministral"
    PIXTRAL = "pixtral"
    UNKNOWN = "unknown"

    ANY = str
    """The type of a family's name."""

    def __new__(cls) -> Self:
        raise TypeError("ModelFamily is a namespace class and cannot be instantiated.")

    @staticmethod
    def is_openai(family: str) -> bool:
        """True for OpenAI's own models."""
        return family.startswith("gpt-") or family in (ModelFamily.O1, ModelFamily.O3, ModelFamily.O4)

    @staticmethod
    def is_claude(family: str) -> bool:
        """True for Anthropic's models."""
        return family.startswith("claude-")

    @staticmethod
    def is_gemini(family: str) -> bool:
        """True for Google's Gemini models."""
        return family.startswith("gemini-")

    @staticmethod
    def is_llama(family: str) -> bool:
        """True for Meta's Llama models."""
        return family.startswith("llama-")

    @staticmethod
    def is_mistral(family: str) -> bool:
        """True for Mistral's models."""
        return family in (
            ModelFamily.CODESRAL,
            ModelFamily.OPEN_CODESRAL_MAMBA,
            ModelFamily.MISTRAL,
            ModelFamily.MINISTRAL,
            ModelFamily.PIXTRAL,
        )


class ModelInfo(TypedDict):
    """What a model can do; decides what is sent to it."""

    vision: Required[bool]
    function_calling: Required[bool]
    json_output: Required[bool]
    family: Required[str]
    structured_output: Required[bool]
    multiple_system_messages: NotRequired[bool | None]


class ModelCapabilities(TypedDict):
    """An older and smaller `ModelInfo`."""

    vision: Required[bool]
    function_calling: Required[bool]
    json_output: Required[bool]


_NEEDED: tuple[Literal["vision", "function_calling", "json_output", "family"], ...] = (
    "vision",
    "function_calling",
    "json_output",
    "family",
)


def said_info(model_info: ModelInfo | None, capabilities: ModelCapabilities | None) -> ModelInfo | None:
    """What the caller says that a model can do; None where they say nothing.

    Args:
        model_info: as it is said today.
        capabilities: as AutoGen said it before: it is still read, with a warning.

    Raises:
        ValueError: both are said, or a field is missing.
    """
    if capabilities is not None:
        if model_info is not None:
            raise ValueError("model_capabilities and model_info are mutually exclusive: say model_info only")
        warnings.warn("model_capabilities is deprecated, use model_info instead", DeprecationWarning, stacklevel=3)
        said = {"family": ModelFamily.UNKNOWN, "structured_output": False, **capabilities}
        model_info = cast(ModelInfo, said)
    if model_info is not None:
        validate_model_info(model_info)
    return model_info


def validate_model_info(model_info: Mapping[str, Any]) -> None:
    """Refuse a `ModelInfo` that lacks what decides about a request.

    Raises:
        ValueError: a field is missing.
    """
    for field in _NEEDED:
        if field not in model_info:
            raise ValueError(
                f"Missing required field '{field}' in ModelInfo: it needs {', '.join(_NEEDED)} and structured_output"
            )
    if "structured_output" not in model_info:
        warnings.warn(
            "Missing required field 'structured_output' in ModelInfo: taken as False; say which it is",
            UserWarning,
            stacklevel=2,
        )
