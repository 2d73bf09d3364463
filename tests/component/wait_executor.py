"""A code executor of a user's own, as a component."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel

from nbagents.cancellation import CancellationToken
from nbagents.code import CodeBlock, CodeResult
from nbagents.component import Component
from nbagents.executors import CodeExecutor


class WaitConfig(BaseModel):
    seconds: int


class WaitExecutor(CodeExecutor, Component[WaitConfig]):
    component_config_schema = WaitConfig

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds

    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> CodeResult:
        return CodeResult(exit_code=0, output="")

    def _to_config(self) -> WaitConfig:
        return WaitConfig(seconds=self.seconds)

    @classmethod
    def _from_config(cls, config: WaitConfig) -> Self:
        return cls(config.seconds)
