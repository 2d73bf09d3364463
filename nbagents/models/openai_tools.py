"""Tools in the shape of OpenAI's chat completions, and their names, which may hold less there than with us."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .messages import FunctionCall
from .offered import OfferedTool, ToolChoice, check_choice, is_forced, schema_of

LONGEST_NAME = 64
_FORBIDDEN = re.compile(r"[^a-zA-Z0-9_-]")


def normalized(name: str) -> str:
    """A name as the protocol allows it: letters, digits, ``_`` and ``-``, at most 64."""
    return _FORBIDDEN.sub("_", name)[:LONGEST_NAME]


class WireTools:
    """The tools of one request.

    Raises:
        ValueError: two tools have the same name on the wire, or the choice names none of them.
    """

    def __init__(self, tools: Sequence[OfferedTool], choice: ToolChoice) -> None:
        check_choice(tools, choice)
        self._choice = choice
        self._schemas = [schema_of(tool) for tool in tools]
        self._names: dict[str, str] = {}
        for schema in self._schemas:
            other = self._names.setdefault(normalized(schema["name"]), schema["name"])
            if other != schema["name"]:
                raise ValueError(f"the tools {other!r} and {schema['name']!r} are one name to the model: rename one")

    @property
    def names(self) -> list[str]:
        """The tools' own names."""
        return [schema["name"] for schema in self._schemas]

    def arguments(self) -> dict[str, Any]:
        """The request's arguments; none where there are no tools."""
        if not self._schemas:
            return {}
        return {"tools": [_tool(schema) for schema in self._schemas], "tool_choice": self._wire_choice()}

    def _wire_choice(self) -> Any:
        if is_forced(self._choice):
            return {"type": "function", "function": {"name": normalized(self._choice.name)}}
        return self._choice

    def ours(self, name: str) -> str:
        """The tool's own name for one that the model called; an unknown one as it is."""
        return self._names.get(name, name)


def _tool(schema: dict[str, Any]) -> dict[str, Any]:
    function: dict[str, Any] = {
        "name": normalized(schema["name"]),
        "description": schema.get("description") or "",
        "parameters": schema.get("parameters") or {"type": "object", "properties": {}},
        "strict": bool(schema.get("strict", False)),
    }
    return {"type": "function", "function": function}


def wire_call(call: FunctionCall) -> dict[str, Any]:
    """A call of the conversation so far."""
    return {"id": call.id, "type": "function", "function": {"name": normalized(call.name), "arguments": call.arguments}}
