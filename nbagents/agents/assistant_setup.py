"""What `AssistantAgent` makes of its arguments: workbenches, handoffs and memories, checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..memory import Memory
from ..models.client import ChatCompletionClient
from ..tools import BaseTool, FunctionTool, StaticStreamWorkbench, Tool, Workbench
from .handoff import Handoff


def workbenches_of(
    tools: Sequence[BaseTool[Any, Any] | Callable[..., Any]] | None,
    workbench: Workbench | Sequence[Workbench] | None,
    client: ChatCompletionClient,
) -> tuple[list[Workbench], Sequence[Tool]]:
    """The workbenches, and the tools that were given, in the very list in which their workbench has them.

    Raises:
        ValueError: two tools of one name, tools beside a workbench, something that is no tool, or a model that
            cannot call functions.
    """
    made = [_tool(tool) for tool in tools or ()]
    if made and not client.model_info.get("function_calling"):
        raise ValueError("The model does not support function calling.")
    names = [tool.name for tool in made]
    if len(set(names)) != len(names):
        raise ValueError(f"Tool names must be unique: {names}")
    if workbench is not None:
        if made:
            raise ValueError("Tools cannot be used with a workbench.")
        return list(workbench) if isinstance(workbench, Sequence) else [workbench], []
    own = StaticStreamWorkbench(made)
    return [own], own.tools


def _tool(tool: Any) -> Tool:
    if isinstance(tool, Tool) and not isinstance(tool, type):
        return tool
    if callable(tool):
        return FunctionTool(tool, description=getattr(tool, "__doc__", None) or "")
    raise ValueError(f"Unsupported tool type: {type(tool)}")


def handoffs_by_name(
    handoffs: Sequence[Handoff | str] | None, tools: Sequence[Tool], client: ChatCompletionClient
) -> dict[str, Handoff]:
    """The handoffs by the names that the model calls.

    Raises:
        ValueError: names that are not unique, something that is no handoff, or a model that cannot call functions.
    """
    if not handoffs:
        return {}
    if not client.model_info.get("function_calling"):
        raise ValueError("The model does not support function calling, which is needed for handoffs.")
    made = [_handoff(handoff) for handoff in handoffs]
    names = [handoff.name for handoff in made]
    if len(set(names)) != len(names):
        raise ValueError(f"Handoff names must be unique: {names}")
    taken = [*names, *(handoff.target for handoff in made)]  # a tool called like an agent misleads the model as well
    if both := {tool.name for tool in tools} & set(taken):
        raise ValueError(f"Handoff names must be unique from tool names: {sorted(both)}")
    return dict(zip(names, made, strict=True))


def _handoff(handoff: Any) -> Handoff:
    if isinstance(handoff, str):
        return Handoff(target=handoff)
    if isinstance(handoff, Handoff):
        return handoff
    raise ValueError(f"Unsupported handoff type: {type(handoff)}")


def memories_of(memory: Any) -> list[Memory]:
    """The memories.

    Raises:
        TypeError: they are not given as a list.
    """
    if memory is None:
        return []
    if not isinstance(memory, list):
        raise TypeError(f"Expected Memory, List[Memory], or None, got {type(memory)}")
    return list(memory)
