"""How messages become bytes: for runtimes that send them to other processes, and for logs.

The in-process runtime hands objects over as they are. Message types are checked when an agent is registered all the
same, so that an agent that works here works in a distributed runtime too.
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from typing import Any, Protocol, TypeVar, Union, get_args, get_origin, runtime_checkable

from pydantic import BaseModel, TypeAdapter

T = TypeVar("T")
ModelT = TypeVar("ModelT", bound=BaseModel)

JSON_DATA_CONTENT_TYPE = "application/json"
PROTOBUF_DATA_CONTENT_TYPE = "application/x-protobuf"


@runtime_checkable
class MessageSerializer(Protocol[T]):
    """Turns messages of one type into bytes of one format, and back."""

    @property
    def data_content_type(self) -> str:
        """The format, as a media type."""
        ...

    @property
    def type_name(self) -> str:
        """The name that the message type travels under."""
        ...

    def deserialize(self, payload: bytes) -> T:
        """Read a message."""
        ...

    def serialize(self, message: T) -> bytes:
        """Write a message."""
        ...


@dataclass
class UnknownPayload:
    """A message that nobody here can read, as it came."""

    type_name: str
    data_content_type: str
    payload: bytes


class _JsonSerializer(MessageSerializer[T]):
    def __init__(self, cls: type[T]) -> None:
        self.cls = cls

    @property
    def data_content_type(self) -> str:
        return JSON_DATA_CONTENT_TYPE

    @property
    def type_name(self) -> str:
        return _type_name(self.cls)


class PydanticJsonMessageSerializer(_JsonSerializer[ModelT]):
    """Pydantic models as JSON."""

    def deserialize(self, payload: bytes) -> ModelT:
        return self.cls.model_validate_json(payload)

    def serialize(self, message: ModelT) -> bytes:
        return message.model_dump_json().encode()


class DataclassJsonMessageSerializer(_JsonSerializer[T]):
    """Dataclasses of plain JSON values as JSON.

    Raises:
        ValueError: a field holds a dataclass, a model or a union, which JSON alone does not tell apart.
    """

    def __init__(self, cls: type[T]) -> None:
        if contains_a_union(cls):
            raise ValueError("Dataclass has a union type, which is not supported. To use a union, use a Pydantic model")
        if has_nested_dataclass(cls) or has_nested_base_model(cls):
            raise ValueError(
                "Dataclass has nested dataclasses or base models, which are not supported. "
                "To use nested types, use a Pydantic model"
            )
        super().__init__(cls)

    @cached_property
    def _adapter(self) -> TypeAdapter[T]:
        # Built at the first use: most runtimes never turn a message into bytes.
        return TypeAdapter(self.cls)

    def deserialize(self, payload: bytes) -> T:
        return self._adapter.validate_json(payload)

    def serialize(self, message: T) -> bytes:
        return self._adapter.dump_json(message)


class ProtobufMessageSerializer(MessageSerializer[Any]):
    """Protobuf messages, each wrapped in an ``Any``."""

    def __init__(self, cls: type[Any]) -> None:
        self.cls = cls

    @property
    def data_content_type(self) -> str:
        return PROTOBUF_DATA_CONTENT_TYPE

    @property
    def type_name(self) -> str:
        return _type_name(self.cls)

    def deserialize(self, payload: bytes) -> Any:
        wrapped = _any_message()
        wrapped.ParseFromString(payload)
        message = self.cls()
        if not wrapped.Unpack(message):
            raise ValueError(f"Failed to deserialize payload into {self.cls}")
        return message

    def serialize(self, message: Any) -> bytes:
        wrapped = _any_message()
        wrapped.Pack(message)
        return bytes(wrapped.SerializeToString())


class SerializationRegistry:
    """The serialisers of a runtime, by type name and format."""

    def __init__(self) -> None:
        self._serializers: dict[tuple[str, str], MessageSerializer[Any]] = {}

    def add_serializer(self, serializer: MessageSerializer[Any] | Sequence[MessageSerializer[Any]]) -> None:
        """Add one or several; the last of a type name and format counts."""
        for one in serializer if isinstance(serializer, Sequence) else [serializer]:
            self._serializers[(one.type_name, one.data_content_type)] = one

    def deserialize(self, payload: bytes, *, type_name: str, data_content_type: str) -> Any:
        """The message, or an `UnknownPayload` where nobody can read it."""
        serializer = self._serializers.get((type_name, data_content_type))
        if serializer is None:
            return UnknownPayload(type_name, data_content_type, payload)
        return serializer.deserialize(payload)

    def serialize(self, message: Any, *, type_name: str, data_content_type: str) -> bytes:
        """The bytes of `message`.

        Raises:
            ValueError: nobody can write it.
        """
        serializer = self._serializers.get((type_name, data_content_type))
        if serializer is None:
            raise ValueError(f"Unknown type {type_name} with content type {data_content_type}")
        return serializer.serialize(message)

    def is_registered(self, type_name: str, data_content_type: str) -> bool:
        """True when messages of this name and format can be read and written."""
        return (type_name, data_content_type) in self._serializers

    def type_name(self, message: Any) -> str:
        """The name that `message` travels under."""
        return _type_name(message)


def try_get_known_serializers_for_type(cls: Any) -> list[MessageSerializer[Any]]:
    """The serialisers for a class of messages: pydantic models, dataclasses and protobuf messages have one.

    Raises:
        ValueError: a dataclass with a field that cannot be told from JSON.
    """
    if not isinstance(cls, type):
        return []
    if issubclass(cls, BaseModel):
        return [PydanticJsonMessageSerializer(cls)]
    if is_dataclass(cls):
        return [DataclassJsonMessageSerializer(cls)]
    if _is_protobuf(cls):
        return [ProtobufMessageSerializer(cls)]
    return []


def _is_protobuf(cls: type[Any]) -> bool:
    # A class of protobuf's exists only where protobuf was imported: it is never imported to find out.
    protobuf = sys.modules.get("google.protobuf.message")
    return protobuf is not None and issubclass(cls, protobuf.Message)


def _any_message() -> Any:
    return importlib.import_module("google.protobuf.any_pb2").Any()


def _type_name(thing: Any) -> str:
    cls: Any = thing if isinstance(thing, type) else type(thing)
    return str(cls.DESCRIPTOR.full_name) if _is_protobuf(cls) else cls.__name__


# Hints that are text, as in a module with `from __future__ import annotations`, are not looked into: AutoGen does not,
# so agents with such messages are about.
def contains_a_union(cls: type[Any]) -> bool:
    """True for a dataclass with a field that is of one type or another."""
    return any(get_origin(field.type) in (Union, types.UnionType) for field in fields(cls))


def has_nested_dataclass(cls: type[Any]) -> bool:
    """True for a dataclass with a field that is a dataclass."""
    return any(isinstance(field.type, type) and is_dataclass(field.type) for field in fields(cls))


def has_nested_base_model(cls: type[Any]) -> bool:
    """True for a dataclass with a field that is a pydantic model, or holds such."""
    return any(_names_a_model(field.type) for field in fields(cls))


def _names_a_model(kind: Any) -> bool:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return True
    return any(_names_a_model(part) for part in get_args(kind))
