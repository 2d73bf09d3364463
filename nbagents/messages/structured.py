"""`StructuredMessage`: a message whose content is a pydantic model, and the factory that makes its type from JSON."""

from __future__ import annotations

from functools import cache
from typing import Any, Generic, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict, computed_field, create_model

from ..component import Component, ComponentBase, ComponentConfig
from ..models.messages import UserMessage
from .message import BaseChatMessage

StructuredContentType = TypeVar("StructuredContentType", bound=BaseModel, covariant=True)


class StructuredMessage(BaseChatMessage, Generic[StructuredContentType]):
    """A message with structure; make one as ``StructuredMessage[Person](content=Person(...), source=...)``.

    `format_string` says how people and models read it, with the content's fields in braces; JSON without one.
    """

    content: StructuredContentType
    format_string: str | None = None

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated property (its own advice)
    @property
    def type(self) -> str:
        """The class with its content's, e.g. ``StructuredMessage[Person]``: what a dump is read back as."""
        return type(self).__name__

    def to_text(self) -> str:
        if self.format_string is None:
            return self.content.model_dump_json()
        return self.format_string.format(**self.content.model_dump())

    def to_model_message(self) -> UserMessage:
        """JSON, whatever the format string says: a model shall see every field."""
        return UserMessage(content=self.content.model_dump_json(), source=self.source)


class _AnyContent(BaseModel):
    """The content of a message whose model is not known here: its fields as they stand in the JSON."""

    model_config = ConfigDict(extra="allow", defer_build=True)


@cache
def structured_type(name: str) -> type[BaseChatMessage]:
    """A class that reads messages of the type ``StructuredMessage[name]`` when nobody knows their model."""
    made: Any = StructuredMessage[create_model(name, __base__=_AnyContent)]  # type: ignore[misc]  # made at run time
    return cast("type[BaseChatMessage]", made)


class StructuredMessageFactoryConfig(ComponentConfig):
    """The content's schema and name."""

    json_schema: dict[str, Any]
    format_string: str | None = None
    content_model_name: str


class StructuredMessageFactory(
    ComponentBase[StructuredMessageFactoryConfig], Component[StructuredMessageFactoryConfig]
):
    """Makes the type of a structured message, from a model or from its JSON schema; so a config can hold it.

    Args:
        json_schema: the content's schema, where there is no model.
        input_model: the content's model.
        format_string: how its messages are read; None for JSON.
        content_model_name: the model's name, where it is made from a schema.

    Attributes:
        ContentModel: the content's class.
        StructuredMessage: the message's class.

    Raises:
        ValueError: neither a schema nor a model was given, or the schema cannot be made a model.
    """

    component_type = "structured_message"
    component_config_schema = StructuredMessageFactoryConfig

    def __init__(
        self,
        json_schema: dict[str, Any] | None = None,
        input_model: type[BaseModel] | None = None,
        format_string: str | None = None,
        content_model_name: str | None = None,
    ) -> None:
        self.format_string = format_string
        if json_schema:
            from ..models.json_schema import schema_to_pydantic_model

            self.ContentModel = schema_to_pydantic_model(json_schema, content_model_name or "GeneratedContentModel")
        elif input_model is not None:
            self.ContentModel = input_model
        else:
            raise ValueError("Either `json_schema` or `input_model` must be provided.")
        self.StructuredMessage: type[StructuredMessage[Any]] = StructuredMessage[self.ContentModel]  # type: ignore[name-defined]  # a type made at run time

    def _to_config(self) -> StructuredMessageFactoryConfig:
        return StructuredMessageFactoryConfig(
            json_schema=self.ContentModel.model_json_schema(),
            format_string=self.format_string,
            content_model_name=self.ContentModel.__name__,
        )

    @classmethod
    def _from_config(cls, config: StructuredMessageFactoryConfig) -> Self:
        return cls(config.json_schema, None, config.format_string, config.content_model_name)
