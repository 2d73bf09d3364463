"""What Anthropic's models can do, by the beginnings of their names; one that is not here is taken for a current one."""

from __future__ import annotations

from .model_info import ModelFamily, ModelInfo

CONTEXT = 200_000
ANSWER = 8192
"""Tokens that an answer may have unless told otherwise; the API wants to be told."""

# The first beginning that fits decides. Beginning, family, vision, tokens of the longest answer.
_KNOWN: tuple[tuple[str, str, bool, int], ...] = (
    ("claude-3-haiku", ModelFamily.CLAUDE_3_HAIKU, True, 4096),
    ("claude-3-sonnet", ModelFamily.CLAUDE_3_SONNET, True, 4096),
    ("claude-3-opus", ModelFamily.CLAUDE_3_OPUS, True, 4096),
    ("claude-3-5-haiku", ModelFamily.CLAUDE_3_5_HAIKU, False, 8192),
    ("claude-3-5-sonnet", ModelFamily.CLAUDE_3_5_SONNET, True, 8192),
    ("claude-3-7-sonnet", ModelFamily.CLAUDE_3_7_SONNET, True, 8192),
    ("claude-opus", ModelFamily.CLAUDE_4_OPUS, True, ANSWER),
    ("claude-4-opus", ModelFamily.CLAUDE_4_OPUS, True, ANSWER),
    ("", ModelFamily.CLAUDE_4_SONNET, True, ANSWER),
)


def info_of(model: str) -> ModelInfo:
    """What `model` can do."""
    _, family, vision, _ = _row(model)
    return ModelInfo(
        vision=vision,
        function_calling=True,
        json_output=True,
        structured_output=True,
        family=family,
        multiple_system_messages=False,
    )


def answer_of(model: str) -> int:
    """Tokens that an answer of `model` may have unless told otherwise."""
    return _row(model)[-1]


def _row(model: str) -> tuple[str, str, bool, int]:
    return next(row for row in _KNOWN if model.lower().startswith(row[0]))
