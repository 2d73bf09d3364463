"""The tools that are offered to a model: what a client needs to know of a tool, which is its schema.

A client takes any object with a name and a schema, or the schema itself, so that it depends on no kind of tool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, TypeGuard, cast


class SchemaOwner(Protocol):
    """What a client sees of a tool; every `nbagents.tools.Tool` is one."""

    @property
    def name(self) -> str:
        """The name that the model calls."""

    @property
    def schema(self) -> Any:
        """Name, description and parameters (JSON Schema): a `nbagents.tools.ToolSchema`."""


OfferedTool = SchemaOwner | Mapping[str, Any]
"""A tool, or its schema."""

ToolChoice = Literal["auto", "required", "none"] | SchemaOwner
"""auto: the model decides. required: it must call a tool, if there are any. none: it must not. A tool: this one."""


def schema_of(tool: OfferedTool) -> dict[str, Any]:
    """The schema of a tool, as JSON."""
    return dict(tool) if isinstance(tool, Mapping) else dict(tool.schema)


def is_forced(choice: ToolChoice) -> TypeGuard[SchemaOwner]:
    """True when the choice is one certain tool."""
    return not isinstance(choice, str)


def check_choice(tools: Sequence[OfferedTool], choice: ToolChoice) -> None:
    """Refuse a choice that nobody can follow.

    Raises:
        ValueError: this tool is not among them; or it is neither a tool nor one of the words.
    """
    if choice in ("auto", "required", "none"):
        return
    if not is_forced(choice) or not hasattr(choice, "schema"):
        raise ValueError(
            f"tool_choice must be a Tool object, 'auto', 'required', or 'none', got {type(choice)}: {choice!r}"
        )
    if not tools:
        raise ValueError(f"tool_choice specified but no tools provided: add {choice.name!r} to tools")
    names = [schema_of(tool)["name"] for tool in tools]
    if choice.name not in names:
        raise ValueError(
            f"tool_choice references {choice.name!r} but it's not in the provided tools, which are {', '.join(names)}"
        )


def choice_as_json(choice: ToolChoice) -> str | dict[str, str]:
    """The choice, as a journal or a cache key holds it."""
    return {"name": choice.name} if is_forced(choice) else cast(str, choice)
