"""The parts of a tool's effect that need no gate: reading the arguments, calling, and taking secrets out.

`Gate.tool` puts them in order. What a tool does wrong is a result for the model to read; only what no model can do
anything about (a person stopped the run, nobody can be asked, the journal cannot be written) is raised.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from ..cancellation import CancellationToken
from ..code import CodeBlock
from ..models.client import ChatCompletionClient
from ..models.messages import CreateResult, FunctionCall, LLMMessage
from ..tools.caller import Caller
from ..tools.results import TextResultContent, ToolResult
from ..tools.static_workbench import ENDS_THE_RUN, StaticStreamWorkbench, error_text
from ..tools.tool import Tool
from ..tools.workbench import StreamWorkbench, Workbench
from .questions import Answer


class NotApproved(Exception):
    """A person said no to a call."""

    def __init__(self, tool: str, reason: str) -> None:
        super().__init__(f"The call of {tool} was not approved. Reason: {reason or 'no reason was given'}")


def caller(
    agent: str,
    model: Callable[..., AsyncGenerator[str | CreateResult, None]],
    person: Callable[[str, str], Awaitable[Answer]],
) -> Caller:
    """The caller that a tool sees: `agent`, who lets it ask through the gate's `model` and `person`."""

    async def ask(client: ChatCompletionClient, messages: Sequence[LLMMessage]) -> CreateResult:
        async with aclosing(model(agent, client, messages)) as parts:
            async for part in parts:
                if isinstance(part, CreateResult):
                    return part
        raise AssertionError("the gate yields a result or raises")

    async def ask_person(prompt: str) -> str:
        return (await person(agent, prompt)).text

    return Caller(agent, ask, ask_person)


def workbench_of(tools: Workbench | Tool) -> Workbench:
    """The workbench, or one with this single tool on it."""
    return tools if isinstance(tools, Workbench) else StaticStreamWorkbench([tools])


def arguments_of(text: str) -> dict[str, Any]:
    """The arguments in the JSON that a model wrote; no text is no arguments.

    Raises:
        ValueError: it is no JSON, or no object.
    """
    arguments = json.loads(text or "{}")
    if not isinstance(arguments, dict):
        raise ValueError(f"the arguments are to be a JSON object, not {text[:80]!r}")
    return arguments


def as_block(arguments: Mapping[str, Any]) -> CodeBlock:
    """The arguments as a person reads and edits them before they agree to the call."""
    return CodeBlock(code=json.dumps(arguments, indent=2, ensure_ascii=False), language="json")


def failed(call: FunctionCall, why: str) -> ToolResult:
    """The result of a call that was not made."""
    return ToolResult.of_text(call.name, why, is_error=True)


async def performed(
    workbench: Workbench,
    call: FunctionCall,
    arguments: Mapping[str, Any],
    token: CancellationToken,
    emit: Callable[[Any], None] | None,
) -> ToolResult:
    """Make the call, in a task that ends with the token or with whoever awaits this."""
    working = asyncio.ensure_future(_result(workbench, call, arguments, token, emit))
    token.link_future(working)
    return await working


async def _result(
    workbench: Workbench,
    call: FunctionCall,
    arguments: Mapping[str, Any],
    token: CancellationToken,
    emit: Callable[[Any], None] | None,
) -> ToolResult:
    try:
        if emit is None or not isinstance(workbench, StreamWorkbench):
            return await workbench.call_tool(call.name, arguments, token, call.id)
        async with aclosing(workbench.call_tool_stream(call.name, arguments, token, call.id)) as stream:
            async for item in stream:
                if isinstance(item, ToolResult):
                    return item
                emit(item)
        return failed(call, f"Error: tool {call.name!r} ended without a result")
    except ENDS_THE_RUN:
        raise
    except Exception as error:
        return failed(call, f"Error: {error_text(error)}")


def told_of_edit(result: ToolResult, arguments: Mapping[str, Any]) -> ToolResult:
    """The result, which says that a person changed the arguments: the model would take it for that of its own."""
    edit = TextResultContent(
        content=f"(A person changed the arguments to {json.dumps(arguments, ensure_ascii=False)}.)"
    )
    return result.model_copy(update={"result": [edit, *result.result]})


def without_secrets(result: ToolResult, redact: Callable[[str], str]) -> ToolResult:
    """The result with the secrets in its texts taken out; pictures are left as they are."""
    clean = [
        TextResultContent(content=redact(item.content)) if isinstance(item, TextResultContent) else item
        for item in result.result
    ]
    return result.model_copy(update={"result": clean})
