"""A pydantic model from a JSON Schema: for the content of structured messages whose model is known only as JSON."""

from __future__ import annotations

import datetime
import ipaddress
import uuid
from collections.abc import Mapping
from typing import Annotated, Any, ForwardRef, Literal, Union

from pydantic import UUID1, UUID3, UUID4, UUID5, BaseModel, ConfigDict, Field, create_model
from pydantic.errors import PydanticUserError
from pydantic_core import SchemaError

Engine = Literal["rust-regex", "python-re"]
Schema = Mapping[str, Any]

_PLAIN: Mapping[str, Any] = {"integer": int, "number": float, "boolean": bool, "null": None}
_FORMATS: Mapping[str, Any] = {
    "date-time": datetime.datetime,
    "date": datetime.date,
    "time": datetime.time,
    "duration": datetime.timedelta,
    "uuid": uuid.UUID,
    "uuid1": UUID1,
    "uuid3": UUID3,
    "uuid4": UUID4,
    "uuid5": UUID5,
    "ipv4": ipaddress.IPv4Address,
    "ipv6": ipaddress.IPv6Address,
    "ipv4-network": ipaddress.IPv4Network,
    "ipv6-network": ipaddress.IPv6Network,
    "byte": bytes,
    "binary": bytes,
}
"""Of other formats of texts nothing is checked, as JSON Schema wants it; an address ("uri") stays as it was written."""
_CONSTRAINTS: Mapping[str, str] = {
    "minLength": "min_length",
    "maxLength": "max_length",
    "pattern": "pattern",
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
    "minItems": "min_length",
    "maxItems": "max_length",
}


def schema_to_pydantic_model(schema: Schema, model_name: str = "GeneratedModel") -> type[BaseModel]:
    """The model whose JSON Schema is `schema`: references, enums, alternatives, formats and limits included.

    Raises:
        ValueError: the schema is no object's, refers to what it does not hold, or says what pydantic cannot.
    """
    try:
        try:
            return _Reader(schema, "rust-regex").whole(schema, model_name)
        except SchemaError:
            # A pattern that only Python's engine knows, such as one that looks ahead.
            return _Reader(schema, "python-re").whole(schema, model_name)
    except (SchemaError, PydanticUserError, TypeError, AttributeError, AssertionError) as error:
        raise ValueError(f"the JSON Schema of {model_name!r} cannot be made a pydantic model: {error}") from error


_ABOUT = {"title", "description", "additionalProperties", "required", "$schema", "$defs", "definitions"}


class _Reader:
    """Reads one document; a definition becomes one class, also where it contains itself."""

    def __init__(self, document: Schema, engine: Engine) -> None:
        self._engine = engine
        self._definitions: Schema = document.get("$defs") or document.get("definitions") or {}
        self._models: dict[str, type[BaseModel]] = {}
        self._open: list[str] = []
        self._made: list[type[BaseModel]] = []
        self._later: dict[str, str] = {}
        """The definitions that something in them refers to, each with the name that stands for it until it is made."""

    def whole(self, schema: Schema, name: str) -> type[BaseModel]:
        """The model of the document, with what could not be known before all was read."""
        made = self.model(self._definition(schema["$ref"]) if "$ref" in schema else schema, name)
        if self._later:
            known = {placeholder: self._models[name] for name, placeholder in self._later.items()}
            for one in self._made:
                one.model_rebuild(_types_namespace=known)
        return made

    def model(self, schema: Schema, name: str) -> type[BaseModel]:
        if "allOf" in schema:
            schema = self._merged(schema)
        # A schema that says nothing of its type, such as that of a tool without arguments, is an object's.
        if schema.get("type") != "object" and "properties" not in schema and schema.keys() - _ABOUT:
            raise ValueError(f"{name!r}: the schema of an object is expected, not {schema.get('type')!r}")
        needed = schema.get("required", ())
        fields: dict[str, Any] = {
            _attribute(field): self._field(said, field, name, field in needed)
            for field, said in schema.get("properties", {}).items()
        }
        extra: Literal["forbid", "ignore"] = "forbid" if schema.get("additionalProperties") is False else "ignore"
        config = ConfigDict(
            extra=extra, title=schema.get("title", name), regex_engine=self._engine, serialize_by_alias=True
        )
        made: type[BaseModel] = create_model(name, __config__=config, __doc__=schema.get("description"), **fields)
        self._made.append(made)
        return made

    def _field(self, said: Schema, field: str, owner: str, needed: bool) -> tuple[Any, Any]:
        kind = self._type(said, f"{owner}_{field}")
        about = {word: said[word] for word in ("description", "title", "examples") if word in said}
        if _attribute(field) != field:
            about["alias"] = field
        if needed:
            return kind, Field(**about)
        # What may be missing is None then, unless the schema says otherwise.
        default = said.get("default")
        return (kind if default is not None else _either([kind, None])), Field(default=default, **about)

    def _type(self, said: Schema, name: str) -> Any:
        if "$ref" in said:
            return self._referred(said["$ref"])
        if "enum" in said or "const" in said:
            values = said["enum"] if "enum" in said else [said["const"]]
            # A list or an object has no place in a Literal.
            return Literal[tuple(values)] if all(isinstance(one, str | int | None) for one in values) else Any
        for word in ("anyOf", "oneOf"):
            if word in said:
                return _either([self._type(one, f"{name}_{number}") for number, one in enumerate(said[word])])
        if "allOf" in said:
            return self.model(said, name)
        kind = said.get("type")
        if isinstance(kind, list):
            return _either([self._type({**said, "type": one}, name) for one in kind])
        return _limited(self._of_kind(kind, said, name), said)

    def _of_kind(self, kind: Any, said: Schema, name: str) -> Any:
        if kind == "object":
            if "properties" in said:
                return self.model(said, name)
            values = said.get("additionalProperties")
            return dict[str, self._type(values, f"{name}_value") if isinstance(values, Mapping) else Any]  # type: ignore[misc]  # a type made at run time
        if kind == "array":
            return list[self._type(said.get("items") or {}, f"{name}_item")]  # type: ignore[misc]  # a type made at run time
        if kind == "string":
            return _FORMATS.get(said.get("format", ""), str)
        if kind is None:
            return Any
        if kind not in _PLAIN:
            raise ValueError(f"{name!r}: unsupported type {kind!r} in a JSON Schema")
        return _PLAIN[kind]

    def _definition(self, reference: str) -> Schema:
        try:
            said: Schema = self._definitions[reference.rpartition("/")[2]]
        except KeyError:
            raise ValueError(f"the schema refers to {reference!r}, which it does not define") from None
        return said

    def _referred(self, reference: str) -> Any:
        name, said = reference.rpartition("/")[2], self._definition(reference)
        is_model = said.get("type") == "object" and "properties" in said
        if name in self._open:
            if not is_model:
                raise ValueError(f"the schema's {name!r} contains itself and is no object, which is not supported")
            return ForwardRef(self._later.setdefault(name, f"Definition{len(self._later)}"))
        if name not in self._models:
            self._open.append(name)
            try:
                if not is_model:
                    return self._type(said, name)
                self._models[name] = self.model(said, name)
            finally:
                self._open.pop()
        return self._models[name]

    def _merged(self, schema: Schema) -> Schema:
        """`allOf` as one object with the fields of all."""
        parts = [self._definitions.get(one["$ref"].rpartition("/")[2], {}) if "$ref" in one else one
                 for one in schema["allOf"]]  # fmt: skip
        whole = {key: value for key, value in schema.items() if key != "allOf"} | {"type": "object"}
        for word, empty in (("properties", {}), ("required", [])):
            values = [part.get(word, empty) for part in [*parts, whole]]
            whole[word] = (
                {name: said for value in values for name, said in value.items()} if word == "properties"
                else [name for value in values for name in value]
            )  # fmt: skip
        return whole


def _attribute(field: str) -> str:
    """The name of a field as pydantic allows it; the schema's own is then its alias."""
    if field.startswith("_") or (field.startswith("model_") and hasattr(BaseModel, field)):
        return f"field_{field.strip('_')}"
    return field


def _either(kinds: list[Any]) -> Any:
    return Union[tuple(kinds)]  # noqa: UP007 - what stands for a later one knows no |


def _limited(kind: Any, said: Schema) -> Any:
    limits = {ours: said[theirs] for theirs, ours in _CONSTRAINTS.items() if theirs in said}
    return Annotated[kind, Field(**limits)] if limits else kind
