"""What a model is told about a tool: its name, its purpose and the JSON Schema of its arguments.

Names and shapes are those of AutoGen's ``autogen_core.tools``. References inside a schema are put in place,
because many models and servers read only a flat one; what refers to itself keeps its ``$defs``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

from pydantic import BaseModel

_DEFS = "#/$defs/"

ParametersSchema = TypedDict(
    "ParametersSchema",
    {
        "type": str,
        "properties": dict[str, Any],
        "required": NotRequired[Sequence[str]],
        "additionalProperties": NotRequired[bool],
        "$defs": NotRequired[dict[str, Any]],
    },
)
"""The arguments of a tool as a JSON Schema; `$defs` is there only for types that contain themselves."""


class ToolSchema(TypedDict):
    """One tool as it is offered to a model."""

    name: str
    description: NotRequired[str]
    parameters: NotRequired[ParametersSchema]
    strict: NotRequired[bool]


def schema_of(name: str, description: str, arguments: type[BaseModel], strict: bool) -> ToolSchema:
    """The schema of a tool whose arguments are the fields of `arguments`.

    Raises:
        ValueError: `strict` is asked for and an argument has a default, or more arguments than named are allowed.
    """
    model = without_refs(arguments.model_json_schema())
    parameters = ParametersSchema(
        type="object",
        properties=model.get("properties", {}),
        required=model.get("required", []),
        additionalProperties=model.get("additionalProperties", False),
    )
    if "$defs" in model:
        parameters["$defs"] = model["$defs"]
    if strict:
        _check_strict(parameters)
    return ToolSchema(name=name, description=description, parameters=parameters, strict=strict)


def _check_strict(parameters: ParametersSchema) -> None:
    if set(parameters["required"]) != set(parameters["properties"]):
        raise ValueError(
            "Strict mode is enabled, but not all input arguments are marked as required. "
            "Default arguments are not allowed in strict mode."
        )
    if parameters["additionalProperties"]:
        raise ValueError(
            "Strict mode is enabled but additional argument is also enabled. This is not allowed in strict mode."
        )


def without_refs(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a JSON Schema with every ``#/$defs/...`` put in place; a type that contains itself keeps its name."""
    definitions: Mapping[str, Any] = schema.get("$defs", {})
    recursive = {name for name in definitions if name in _reachable(definitions, name)}
    kept = {name: _inlined(definitions[name], definitions, recursive) for name in sorted(recursive)}
    flat: dict[str, Any] = _inlined(
        {key: value for key, value in schema.items() if key != "$defs"}, definitions, recursive
    )
    return {**flat, "$defs": kept} if kept else flat


def _inlined(node: Any, definitions: Mapping[str, Any], keep: set[str]) -> Any:
    if isinstance(node, list):
        return [_inlined(item, definitions, keep) for item in node]
    if not isinstance(node, Mapping):
        return node
    name = _referred(node)
    rest = {key: _inlined(value, definitions, keep) for key, value in node.items() if key != "$ref" or name is None}
    if name is None or name not in definitions:
        return dict(node) if name is not None else rest
    if name in keep:
        return {"$ref": _DEFS + name, **rest}
    # What stands beside the reference (a description, a default) says more about this place than the type does.
    return {**_inlined(definitions[name], definitions, keep), **rest}


def _referred(node: Mapping[str, Any]) -> str | None:
    target = node.get("$ref")
    return target.removeprefix(_DEFS) if isinstance(target, str) and target.startswith(_DEFS) else None


def _reachable(definitions: Mapping[str, Any], start: str) -> set[str]:
    """The definitions that `start` refers to, directly or through others."""
    found: set[str] = set()
    waiting: list[Any] = [definitions[start]]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, Mapping):
            name = _referred(node)
            if name is not None and name in definitions and name not in found:
                found.add(name)
                waiting.append(definitions[name])
            waiting += node.values()
    return found
