"""Tools and structured output in the shape of Anthropic's Messages API.

An answer of a given form is asked for as the call of a tool with that schema: every model that can call tools can
answer so, beside other tools too. A model that thinks aloud must not be forced to call one; it is given the schema in
the field for it (``output_config``), which only newer models know.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from .messages import FunctionCall
from .offered import OfferedTool, ToolChoice, is_forced
from .openai_tools import WireTools, normalized
from .strict_schema import response_format

ANSWER = "answer"
"""The tool by which an answer of a given form is given."""
ANY_JSON = "Answer with one JSON object and nothing else."
_CHOICES = {"auto": "auto", "required": "any", "none": "none"}


class AnthropicTools:
    """The tools of one request, and the form of its answer.

    Args:
        tools: what may be called.
        choice: which must be.
        json_output: the form of the answer; None for text.
        thinks: the request lets the model think, which forbids to force a call.
        earlier: calls of the conversation so far; their tools must be named even where none may be called.
        parallel: several calls may come at once; None leaves it to the API.

    Raises:
        ValueError: two tools have the same name on the wire, or the choice names none of them.
    """

    def __init__(
        self,
        tools: Sequence[OfferedTool],
        choice: ToolChoice,
        json_output: bool | type[BaseModel] | None,
        *,
        thinks: bool,
        earlier: Sequence[FunctionCall],
        parallel: bool | None,
    ) -> None:
        self._wire, self._choice, self._parallel = WireTools(tools, choice), choice, parallel
        self._tools = [_tool(said["function"]) for said in self._wire.arguments().get("tools", [])]
        self._earlier = list(dict.fromkeys(normalized(call.name) for call in earlier))
        self._schema = _schema_of(json_output)
        self._by_schema = self._schema is not None and thinks and json_output is not True
        self.told = ANY_JSON if thinks and json_output is True else ""
        """What must be said in words, since no field says it."""
        self.answers_by_call = self._schema is not None and not thinks and not is_forced(choice)

    def arguments(self) -> dict[str, Any]:
        """The request's arguments; none where there is nothing to call."""
        form = {"output_config": {"format": {"type": "json_schema", "schema": self._schema}}} if self._by_schema else {}
        if not self._tools and not self.answers_by_call:
            if not self._earlier:
                return form
            named = [{"name": name, "input_schema": {"type": "object"}} for name in self._earlier]
            return {"tools": named, "tool_choice": {"type": "none"}, **form}
        answer = {"name": ANSWER, "description": "Gives the answer. Call it once you know it.",
                  "input_schema": self._schema}  # fmt: skip
        tools = [*self._tools, answer] if self.answers_by_call else self._tools
        return {"tools": tools, "tool_choice": self._wire_choice(), **form}

    def _wire_choice(self) -> dict[str, Any]:
        if self.answers_by_call and (not self._tools or self._choice == "none"):
            return {"type": "tool", "name": ANSWER}
        if is_forced(self._choice):
            said: dict[str, Any] = {"type": "tool", "name": normalized(self._choice.name)}
        else:
            said = {"type": "any" if self.answers_by_call else _CHOICES[str(self._choice)]}
        if self._parallel is not None and said["type"] != "none":
            said["disable_parallel_tool_use"] = not self._parallel
        return said

    def ours(self, name: str) -> str:
        """The tool's own name for one that the model called."""
        return self._wire.ours(name)


def _tool(function: dict[str, Any]) -> dict[str, Any]:
    parameters = {"type": "object", **function["parameters"]}
    return {"name": function["name"], "description": function["description"], "input_schema": parameters}


def _schema_of(json_output: bool | type[BaseModel] | None) -> dict[str, Any] | None:
    if not json_output:
        return None
    if json_output is True:
        return {"type": "object"}
    schema: dict[str, Any] = response_format(json_output)["response_format"]["json_schema"]["schema"]
    return schema
