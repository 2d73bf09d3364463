"""Messages become bytes and come back, by the name of their class and a format."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field, make_dataclass
from typing import Any, Optional

import pytest
from pydantic import BaseModel

from nbagents.runtime import (
    JSON_DATA_CONTENT_TYPE,
    PROTOBUF_DATA_CONTENT_TYPE,
    SerializationRegistry,
    UnknownPayload,
    try_get_known_serializers_for_type,
)

from .agents import Said


class Weather(BaseModel):
    place: str
    days: list[Said] = []


@dataclass
class Letter:
    text: str
    pages: list[Said] = field(default_factory=list)


@dataclass
class WithTextHints:
    """As in all modules with `from __future__ import annotations`."""

    text: str | None
    said: Said


@pytest.mark.parametrize(
    "message",
    [
        Weather(place="Ulm", days=[Said("rain")]),
        Letter("hello", [Said("one")]),
        WithTextHints(None, Said("one")),
    ],
)
def test_models_and_dataclasses_come_back_as_they_were(message: Any) -> None:
    registry = SerializationRegistry()
    registry.add_serializer(try_get_known_serializers_for_type(type(message)))
    name = registry.type_name(message)
    assert name == type(message).__name__
    assert registry.is_registered(name, JSON_DATA_CONTENT_TYPE)

    payload = registry.serialize(message, type_name=name, data_content_type=JSON_DATA_CONTENT_TYPE)
    assert registry.deserialize(payload, type_name=name, data_content_type=JSON_DATA_CONTENT_TYPE) == message


@pytest.mark.parametrize("kind", [Said, Weather, list[Weather], dict[str, list[Weather]]])
def test_a_dataclass_in_a_dataclass_is_refused(kind: Any) -> None:
    with pytest.raises(ValueError, match="Dataclass has nested dataclasses or base models"):
        try_get_known_serializers_for_type(make_dataclass("Holds", [("it", kind)]))


@pytest.mark.parametrize("kind", [str | None, Optional[int]])  # noqa: UP045  # both ways to write it
def test_a_union_in_a_dataclass_is_refused(kind: Any) -> None:
    with pytest.raises(ValueError, match="Dataclass has a union type"):
        try_get_known_serializers_for_type(make_dataclass("Holds", [("it", kind)]))


@pytest.mark.parametrize("cls", [int, list, list[int]])
def test_nothing_is_known_of_other_classes(cls: Any) -> None:
    assert try_get_known_serializers_for_type(cls) == []


def test_an_unknown_name_or_format_is_an_unknown_payload_or_an_error() -> None:
    registry = SerializationRegistry()
    assert registry.deserialize(b"x", type_name="Said", data_content_type="text/x") == UnknownPayload(
        "Said", "text/x", b"x"
    )
    with pytest.raises(ValueError, match="Unknown type Said with content type text/x"):
        registry.serialize(Said("a"), type_name="Said", data_content_type="text/x")


def test_protobuf_messages_come_back_as_they_were() -> None:
    wrappers = importlib.import_module("google.protobuf.wrappers_pb2")
    message = wrappers.StringValue(value="hello")
    registry = SerializationRegistry()
    registry.add_serializer(try_get_known_serializers_for_type(type(message)))
    name = registry.type_name(message)
    assert name == "google.protobuf.StringValue"
    payload = registry.serialize(message, type_name=name, data_content_type=PROTOBUF_DATA_CONTENT_TYPE)
    assert registry.deserialize(payload, type_name=name, data_content_type=PROTOBUF_DATA_CONTENT_TYPE) == message
