"""A block of code and what it did: the two values that agents, executors, the run and the screen pass on.

Names are those of AutoGen's ``autogen_core.code_executor``; `CodeResult.outputs` is ours: what the code
showed, as a notebook would keep it.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class CodeBlock(BaseModel):
    """One block of code, as it stood between two fences."""

    # By position too, as AutoGen's.
    def __init__(self, code: str, language: str, **more: Any) -> None:
        super().__init__(code=code, language=language, **more)

    model_config = ConfigDict(defer_build=True)  # as the messages that hold it

    code: str
    language: str


class CodeResult(BaseModel):
    """What a block did.

    `output` is the text for people and models; `outputs` are nbformat v4 outputs (stream, display_data,
    execute_result, error) in the order in which they appeared.
    """

    def __init__(self, exit_code: int, output: str, **more: Any) -> None:
        super().__init__(exit_code=exit_code, output=output, **more)

    model_config = ConfigDict(defer_build=True)

    exit_code: int
    output: str
    outputs: list[dict[str, Any]] = Field(default_factory=list)
