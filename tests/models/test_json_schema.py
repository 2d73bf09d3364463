"""A model from its JSON schema takes what the schema allows, and nothing else."""

from __future__ import annotations

from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from nbagents.models.json_schema import schema_to_pydantic_model


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Inner(BaseModel):
    kind: Literal["inner"] = "inner"
    count: Annotated[int, Field(ge=0, le=9)]


class Outer(BaseModel):
    """All that a schema can say."""

    name: Annotated[str, Field(min_length=2, description="who")]
    inner: Inner
    several: list[Inner]
    colour: Colour
    when: date
    either: int | str | None = None
    scores: dict[str, float]
    flag: bool = True
    anything: Any = None


GOOD: dict[str, Any] = {
    "name": "Ada",
    "inner": {"count": 1},
    "several": [{"count": 2}],
    "colour": "red",
    "when": "2026-01-02",
    "scores": {"a": 0.5},
}


def test_what_fits_the_schema_fits_the_model() -> None:
    made = schema_to_pydantic_model(Outer.model_json_schema(), "Outer")
    value = made.model_validate(GOOD)
    assert made.__name__ == "Outer"
    assert value.model_dump(mode="json") == Outer.model_validate(GOOD).model_dump(mode="json")


@pytest.mark.parametrize(
    "change",
    [{"name": "A"}, {"inner": {"count": 10}}, {"colour": "green"}, {"when": "soon"}, {"scores": {"a": "x"}},
     {"inner": {"kind": "outer", "count": 1}}, {"several": {}}, {"either": []}],
)  # fmt: skip
def test_what_does_not_fit_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        schema_to_pydantic_model(Outer.model_json_schema()).model_validate(GOOD | change)


class Node(BaseModel):
    name: str
    below: list[Node] = []
    about: Remark | None = None


class Remark(BaseModel):
    on: Node


class Tree(BaseModel):
    root: Node


@pytest.mark.parametrize("kind", [Node, Tree])
def test_a_definition_may_contain_itself(kind: type[BaseModel]) -> None:
    node: dict[str, Any] = {"name": "a", "below": [{"name": "b", "about": {"on": {"name": "c"}}}]}
    value = node if kind is Node else {"root": node}
    made = schema_to_pydantic_model(kind.model_json_schema(), "Made")
    assert made.__name__ == "Made"
    assert made.model_validate(value).model_dump() == kind.model_validate(value).model_dump()
    node["below"][0]["about"]["on"]["name"] = 3
    with pytest.raises(ValidationError):
        made.model_validate(value)


def test_all_of_joins_the_fields() -> None:
    made = schema_to_pydantic_model(
        {
            "allOf": [{"$ref": "#/$defs/A"}, {"properties": {"b": {"type": "integer"}}, "required": ["b"]}],
            "$defs": {"A": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}},
        }
    )
    assert made.model_validate({"a": "x", "b": 1}).model_dump() == {"a": "x", "b": 1}
    with pytest.raises(ValidationError):
        made.model_validate({"a": "x"})


def test_additional_properties_are_refused_where_the_schema_refuses_them() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}
    with pytest.raises(ValidationError):
        schema_to_pydantic_model(schema).model_validate({"a": 1, "b": 2})


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "string"}, "the schema of an object is expected"),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/Nope"}}}, "which it does not define"),
        ({"type": "object", "properties": {"a": {"type": "tuple"}}}, "unsupported type 'tuple'"),
        ({"type": "object", "properties": {"a": {"type": "string", "pattern": "(("}}}, "cannot be made a pydantic"),
        ({"type": "object", "properties": {"a": {"enum": []}}}, "cannot be made a pydantic"),
        ({"type": "object", "properties": {"a": True}}, "cannot be made a pydantic"),
        (
            {
                "type": "object",
                "properties": {"a": {"$ref": "#/$defs/T"}},
                "$defs": {"T": {"type": "array", "items": {"$ref": "#/$defs/T"}}},
            },
            "contains itself",
        ),
    ],
)
def test_what_cannot_be_a_model_says_why(schema: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        schema_to_pydantic_model(schema)


@pytest.mark.parametrize(
    ("format", "good", "bad"),
    [
        ("ipv4", "127.0.0.1", "127.0.0.256"),
        ("ipv6", "::1", "::g"),
        ("ipv4-network", "10.0.0.0/8", "10.0.0.0/64"),
        ("uuid1", "c9bf9e57-1685-1c89-bafb-ff5af830be8a", "c9bf9e57-1685-4c89-bafb-ff5af830be8a"),
        ("uuid4", "c9bf9e57-1685-4c89-bafb-ff5af830be8a", "c9bf9e57-1685-1c89-bafb-ff5af830be8a"),
        ("duration", "P1DT2H", "a day"),
        ("binary", "any", 1),
    ],
)
def test_a_format_is_checked_and_its_text_comes_back(format: str, good: str, bad: Any) -> None:
    made = schema_to_pydantic_model({"type": "object", "properties": {"a": {"type": "string", "format": format}}})
    assert made.model_validate({"a": good}).model_dump(mode="json") == {"a": good}
    with pytest.raises(ValidationError):
        made.model_validate({"a": bad})


def test_a_format_that_nobody_knows_is_not_checked() -> None:
    made = schema_to_pydantic_model({"type": "object", "properties": {"a": {"type": "string", "format": "uri"}}})
    assert made.model_validate({"a": "http://a.example"}).model_dump() == {"a": "http://a.example"}


def test_a_schema_that_says_nothing_is_that_of_an_object() -> None:
    assert schema_to_pydantic_model({"title": "Nothing"}, "Nothing").model_validate({}).model_dump() == {}


def test_names_that_pydantic_does_not_allow_are_aliases() -> None:
    names = ["_id", "__base__", "model_config", "model_dump"]
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": names}
    model = schema_to_pydantic_model(schema)
    given = {name: name.upper() for name in names}
    assert model.model_validate(given).model_dump(by_alias=True) == given
    assert set(model.model_json_schema()["properties"]) == set(names)


def test_a_pattern_that_looks_ahead_is_read_by_pythons_engine() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(?!no).*$"}}}
    model = schema_to_pydantic_model(schema)
    assert model.model_validate({"a": "yes"})
    with pytest.raises(ValueError, match="should match pattern"):
        model.model_validate({"a": "no"})


def test_values_that_are_no_literals_are_anything() -> None:
    schema = {"type": "object", "properties": {"a": {"enum": [{"x": 1}, [2]]}, "b": {"const": [1]}}}
    assert schema_to_pydantic_model(schema).model_validate({"a": [2], "b": [1]})
