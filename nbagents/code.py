"""A block of code and what it did: the two values that agents, executors, the run and the screen pass on.

Names are those of AutoGen's ``autogen_core.code_executor``; `CodeResult.outputs` is ours: what the code
showed, as a notebook would keep it.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class CodeBlock(BaseModel):
    """One block of code, as it stood between two fences."""

    model_config = ConfigDict(defer_build=True)  # as the messages that hold it

    code: str
    language: str


class CodeResult(BaseModel):
    """What a block did.

    `output` is the text for people and models; `outputs` are nbformat v4 outputs (stream, display_data,
    execute_result, error) in the order in which they appeared.
    """

    model_config = ConfigDict(defer_build=True)

    exit_code: int
    output: str
    outputs: list[dict[str, Any]] = Field(default_factory=list)
