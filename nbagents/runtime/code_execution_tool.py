"""A tool that runs Python: the model decides when, the gate asks whether it may.

Names and shapes are those of AutoGen's ``autogen_ext.tools.code_execution``. Within a run every block passes the
gate, which shows it to a person where the policy says so; the own call of a program needs nobody's leave.
"""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, Field, model_serializer

from ..cancellation import CancellationToken
from ..code import CodeBlock
from ..component import Component, ComponentConfig, ComponentModel
from ..executors import CodeExecutor
from ..tools.caller import current_caller
from ..tools.tool import BaseTool
from .current import current_gate


class CodeExecutionInput(BaseModel):
    """The arguments of the tool."""

    code: str = Field(description="Python code; only what it prints comes back")


class CodeExecutionResult(BaseModel):
    """What the code did; as JSON it is the output alone."""

    success: bool
    output: str

    @model_serializer
    def _as_text(self) -> str:
        return self.output


class PythonCodeExecutionToolConfig(ComponentConfig):
    """Where it runs."""

    executor: ComponentModel
    description: str = ""


class PythonCodeExecutionTool(
    BaseTool[CodeExecutionInput, CodeExecutionResult], Component[PythonCodeExecutionToolConfig]
):
    """Runs Python in `executor` and returns what it printed."""

    component_config_schema = PythonCodeExecutionToolConfig

    def __init__(self, executor: CodeExecutor) -> None:
        super().__init__(
            CodeExecutionInput, CodeExecutionResult, "CodeExecutor", "Run Python code and get back what it prints."
        )
        self._executor = executor

    async def run(self, args: CodeExecutionInput, cancellation_token: CancellationToken) -> CodeExecutionResult:
        """Run the code.

        Raises:
            HumanInputUnavailable: approval is needed and nobody can be asked.
        """
        block = CodeBlock(code=args.code, language="python")
        try:
            gate = current_gate()
        except LookupError:
            result = await self._executor.execute_code_blocks([block], cancellation_token)
        else:
            caller = current_caller()
            agent = caller.agent if caller else self.name
            _, result = await gate.code(agent, self._executor, block, cancellation_token)
        return CodeExecutionResult(success=result.exit_code == 0, output=result.output)

    def _to_config(self) -> PythonCodeExecutionToolConfig:
        return PythonCodeExecutionToolConfig(executor=self._executor.dump_component(), description=self.description)

    @classmethod
    def _from_config(cls, config: PythonCodeExecutionToolConfig) -> Self:
        return cls(CodeExecutor.load_component(config.executor))
