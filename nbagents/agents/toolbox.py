"""The tools of one agent: what it offers to its model, and how the calls of one answer are carried out.

All calls of an answer run at once, each through the gate, and end with whoever waits for them.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from ..cancellation import CancellationToken
from ..messages import BaseAgentEvent, BaseChatMessage, HandoffMessage
from ..models.messages import (
    AssistantMessage,
    CreateResult,
    FunctionCall,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
)
from ..models.offered import OfferedTool
from ..runtime import current_gate
from ..tools import BaseTool, Workbench
from .handoff import Handoff
from .streaming import Emit, emitted


class Toolbox:
    """The workbenches and the handoffs of an agent, as they are in one turn.

    Args:
        workbenches: whose tools are offered.
        handoffs: by the names that the model calls.
        handoff_tools: what it calls.
    """

    def __init__(
        self,
        workbenches: Sequence[Workbench],
        handoffs: Mapping[str, Handoff],
        handoff_tools: Sequence[BaseTool[Any, Any]],
    ) -> None:
        self._workbenches, self._handoffs = workbenches, handoffs
        self._handoff_tools = {tool.name: tool for tool in handoff_tools}
        self._offered_by: dict[str, Workbench] = {}

    async def offered(self) -> list[OfferedTool]:
        """What the model may call now; workbenches are asked each time, for their tools may change."""
        tools: list[OfferedTool] = []
        self._offered_by = {}
        for workbench in self._workbenches:
            for schema in await workbench.list_tools():
                tools.append(schema)
                self._offered_by.setdefault(schema["name"], workbench)
        return [*tools, *self._handoff_tools.values()]

    async def run(
        self, agent: str, calls: Sequence[FunctionCall], token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | list[FunctionExecutionResult], None]:
        """Carry out all calls of what was `offered`, at once.

        Yields what streaming tools tell meanwhile, and the results last, in order.
        """
        async with aclosing(emitted(lambda emit: self._all(agent, calls, token, emit), None)) as stream:
            async for item in stream:
                yield item

    def handoff(
        self, agent: str, answer: CreateResult, results: Sequence[FunctionExecutionResult]
    ) -> HandoffMessage | None:
        """The first handoff among the calls of `answer`, with the other calls and results for whoever takes over."""
        done = list(zip(_calls_of(answer), results, strict=True))
        handoffs = [(self._handoffs[call.name], result) for call, result in done if call.name in self._handoffs]
        if not handoffs:
            return None
        if len(handoffs) > 1:
            warnings.warn(
                f"Multiple handoffs detected. Only the first is executed: {[handoff.name for handoff, _ in handoffs]}. "
                f"Turn off parallel tool calls of the model client of {agent}.",
                stacklevel=2,
            )
        others = [(call, result) for call, result in done if call.name not in self._handoffs]
        thought, context = answer.thought or None, list[LLMMessage]()
        if others:
            asked = [call for call, _ in others]
            context.append(AssistantMessage(content=asked, source=agent, thought=thought))
            context.append(FunctionExecutionResultMessage(content=[result for _, result in others]))
        elif thought:
            context.append(AssistantMessage(content=thought, source=agent))
        handoff, result = handoffs[0]
        return HandoffMessage(content=result.content, target=handoff.target, source=agent, context=context)

    async def _all(
        self, agent: str, calls: Sequence[FunctionCall], token: CancellationToken, emit: Emit
    ) -> list[FunctionExecutionResult]:
        tasks = [asyncio.ensure_future(self._one(agent, call, token, emit)) for call in calls]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)

    async def _one(
        self, agent: str, call: FunctionCall, token: CancellationToken, emit: Emit
    ) -> FunctionExecutionResult:
        target = self._handoff_tools.get(call.name) or self._offered_by.get(call.name)
        if target is None:
            text = f"Error: tool '{call.name}' not found in any workbench"
            return FunctionExecutionResult(content=text, name=call.name, call_id=call.id, is_error=True)
        result = await current_gate().tool(agent, target, call, token, emit=lambda item: _tell(item, emit))
        return FunctionExecutionResult(
            content=result.to_text(), name=call.name, call_id=call.id, is_error=result.is_error
        )


def _calls_of(answer: CreateResult) -> list[FunctionCall]:
    return [] if isinstance(answer.content, str) else answer.content


def _tell(item: Any, emit: Emit) -> None:
    """A tool may stream anything; only messages and events belong to the conversation."""
    if isinstance(item, BaseAgentEvent | BaseChatMessage):
        emit(item)
    else:
        warnings.warn(f"Unexpected event type: {type(item)} in tool call streaming.", stacklevel=2)
