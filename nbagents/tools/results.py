"""What a call of a tool in a workbench gives back: texts and pictures, or an error.

Names and JSON shapes are those of AutoGen's ``autogen_core.tools``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..image import Image


class TextResultContent(BaseModel):
    """A piece of text."""

    model_config = ConfigDict(defer_build=True)

    type: Literal["TextResultContent"] = "TextResultContent"
    content: str


class ImageResultContent(BaseModel):
    """A picture."""

    model_config = ConfigDict(defer_build=True)

    type: Literal["ImageResultContent"] = "ImageResultContent"
    content: Image


ResultContent = Annotated[TextResultContent | ImageResultContent, Field(discriminator="type")]


class ToolResult(BaseModel):
    """What the tool called `name` gave back; with `is_error`, what went wrong."""

    model_config = ConfigDict(defer_build=True)

    type: Literal["ToolResult"] = "ToolResult"
    name: str
    result: list[ResultContent]
    is_error: bool = False

    @classmethod
    def of_text(cls, name: str, text: str, *, is_error: bool = False) -> ToolResult:
        """A result that is one piece of text."""
        return cls(name=name, result=[TextResultContent(content=text)], is_error=is_error)

    def to_text(self, replace_image: str | None = None) -> str:
        """The result as text for a model; a picture becomes `replace_image`, or a word that says there is one.

        A picture is never spelled out: its base64 text would fill the model's context and tell it nothing.
        """
        place = "[image]" if replace_image is None else replace_image
        return "\n".join(item.content if isinstance(item, TextResultContent) else place for item in self.result)
