"""`ToolAgent`: tools behind an agent id, and the loop in which a model calls them.

Each call is a message, so it can run elsewhere, and intervention handlers see it; what the tool does passes the gate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

from ...cancellation import CancellationToken
from ...errors import NBAgentsError
from ...models.client import ChatCompletionClient
from ...models.messages import (
    AssistantMessage,
    CreateResult,
    FunctionCall,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
)
from ...models.offered import OfferedTool
from ...tools import StaticWorkbench, Tool
from .. import tool_effect
from ..current import ensured_gate
from .agent import BaseAgent
from .agent_runtime import AgentRuntime
from .context import MessageContext
from .handlers import message_handler
from .identity import AgentId
from .routed_agent import RoutedAgent


class ToolException(NBAgentsError):
    """A call of a tool has no result.

    Args:
        call_id: the call's id.
        content: what happened, as the model may read it.
        name: the tool's name.
    """

    def __init__(self, call_id: str, content: str, name: str) -> None:
        super().__init__(content)
        self.call_id, self.content, self.name = call_id, content, name


class ToolNotFoundException(ToolException):
    """The agent has no tool of that name."""


class InvalidToolArgumentsException(ToolException):
    """The arguments are no JSON object."""


class ToolExecutionException(ToolException):
    """The tool raised, did not take the arguments, or a person did not let it run."""


class ToolAgent(RoutedAgent):
    """Runs tools for others: send it a `FunctionCall`, and it answers with a `FunctionExecutionResult`.

    Args:
        description: what it is for.
        tools: its tools.
    """

    def __init__(self, description: str, tools: Sequence[Tool]) -> None:
        super().__init__(description)
        self._tools = list(tools)
        self._names = {tool.name for tool in self._tools}
        self._workbench = StaticWorkbench(self._tools)

    @property
    def tools(self) -> list[Tool]:
        """Its tools."""
        return self._tools

    @message_handler
    async def handle_function_call(self, message: FunctionCall, ctx: MessageContext) -> FunctionExecutionResult:
        """Make one call.

        Raises:
            ToolNotFoundException: there is no tool of that name.
            InvalidToolArgumentsException: the arguments are no JSON object.
            ToolExecutionException: the tool failed.
        """
        id, name = message.id, message.name
        if name not in self._names:
            raise ToolNotFoundException(call_id=id, content=f"Error: Tool not found: {name}", name=name)
        try:
            tool_effect.arguments_of(message.arguments)
        except ValueError as error:
            content = f"Error: Invalid arguments: {message.arguments}"
            raise InvalidToolArgumentsException(call_id=id, content=content, name=name) from error
        with ensured_gate() as gate:
            result = await gate.tool(str(self.id), self._workbench, message, ctx.cancellation_token)
        text = result.to_text()
        if result.is_error:
            content = text if text.startswith("Error: ") else f"Error: {text}"
            raise ToolExecutionException(call_id=id, content=content, name=name)
        return FunctionExecutionResult(content=text, call_id=id, is_error=False, name=name)


async def tool_agent_caller_loop(
    caller: BaseAgent | AgentRuntime,
    tool_agent_id: AgentId,
    model_client: ChatCompletionClient,
    input_messages: list[LLMMessage],
    tool_schema: Sequence[OfferedTool],
    cancellation_token: CancellationToken | None = None,
    caller_source: str = "assistant",
) -> list[LLMMessage]:
    """Ask a model, let a `ToolAgent` make the calls that it asks for, and again, until it answers with a text.

    Args:
        caller: who sends the calls: an agent, or a runtime.
        tool_agent_id: who makes them.
        model_client: who is asked.
        input_messages: what is said to the model first.
        tool_schema: the tools that it is offered.
        cancellation_token: ends all of it.
        caller_source: the `source` of the model's messages.

    Returns:
        What was said after `input_messages`; the model's text last. A call that failed is a result with `is_error`.

    Raises:
        ModelError: the model did not answer.
    """
    said: list[LLMMessage] = []
    token = cancellation_token or CancellationToken()
    # One gate for all of it: the tool agent's handler runs with the context of this call.
    with ensured_gate():
        while True:
            answer = await _asked(model_client, [*input_messages, *said], tool_schema, token, caller_source)
            said.append(AssistantMessage(content=answer.content, source=caller_source, thought=answer.thought))
            if isinstance(answer.content, str) or not answer.content:
                return said
            calls = (_called(caller, tool_agent_id, call, token) for call in answer.content)
            said.append(FunctionExecutionResultMessage(content=await asyncio.gather(*calls)))


async def _asked(
    client: ChatCompletionClient,
    messages: list[LLMMessage],
    tools: Sequence[OfferedTool],
    token: CancellationToken,
    source: str,
) -> CreateResult:
    with ensured_gate() as gate:
        async with aclosing(gate.model(source, client, messages, tools=tools, cancellation_token=token)) as parts:
            async for part in parts:
                if isinstance(part, CreateResult):
                    return part
    raise AssertionError("the gate yields the whole result last")


async def _called(
    caller: BaseAgent | AgentRuntime, tool_agent_id: AgentId, call: FunctionCall, token: CancellationToken
) -> FunctionExecutionResult:
    try:
        result = await caller.send_message(call, tool_agent_id, cancellation_token=token)
    except ToolException as error:
        return FunctionExecutionResult(content=error.content, name=call.name, call_id=call.id, is_error=True)
    assert isinstance(result, FunctionExecutionResult), f"{tool_agent_id} is no ToolAgent: it answered {result!r}"
    return result
