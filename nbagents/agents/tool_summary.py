"""The answer of a turn that ended with tool calls: what each of them gave, in the words of a format or a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..messages import ToolCallSummaryMessage
from ..models.messages import FunctionCall, FunctionExecutionResult

Formatter = Callable[[FunctionCall, FunctionExecutionResult], str]


@dataclass(frozen=True, slots=True)
class ToolSummary:
    """How an agent words what its calls gave: by `formatter`, or without one by `format`."""

    format: str
    formatter: Formatter | None

    def of(
        self, agent: str, calls: Sequence[FunctionCall], results: Sequence[FunctionExecutionResult]
    ) -> ToolCallSummaryMessage:
        """What the calls gave, one after the other."""
        lines = [self._line(call, result) for call, result in zip(calls, results, strict=True)]
        return ToolCallSummaryMessage(
            content="\n".join(lines), source=agent, tool_calls=list(calls), results=list(results)
        )

    def _line(self, call: FunctionCall, result: FunctionExecutionResult) -> str:
        if self.formatter is not None:
            return self.formatter(call, result)
        return self.format.format(
            tool_name=call.name, arguments=call.arguments, result=result.content, is_error=result.is_error
        )
