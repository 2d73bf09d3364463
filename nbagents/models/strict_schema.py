"""A model's JSON Schema as servers of structured output want it: every field named and needed, nothing else allowed."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


def response_format(json_output: bool | type[BaseModel] | None) -> dict[str, Any]:
    """The request's argument that asks for JSON; none where nothing is said of it."""
    if json_output is None:
        return {}
    if json_output is False:
        return {"response_format": {"type": "text"}}
    if json_output is True:
        return {"response_format": {"type": "json_object"}}
    schema = json_output.model_json_schema()
    strict = _can_be_strict(schema)
    said = {"name": json_output.__name__, "schema": _strict(schema) if strict else schema, "strict": strict}
    return {"response_format": {"type": "json_schema", "json_schema": said}}


def _can_be_strict(schema: Any) -> bool:
    """False where a part is a mapping with any keys, which strictness cannot say."""
    if isinstance(schema, dict):
        free = schema.get("type") == "object" and "properties" not in schema
        return not free and all(_can_be_strict(part) for part in schema.values())
    return all(_can_be_strict(part) for part in schema) if isinstance(schema, list) else True


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {word: _strict(part) for word, part in schema.items() if word != "default"}
    if "properties" in schema and schema.get("type") == "object":
        # A field may be called "default" too.
        strict["properties"] = {name: _strict(part) for name, part in schema["properties"].items()}
        strict |= {"required": list(schema["properties"]), "additionalProperties": False}
    return strict
