"""What agents say to each other."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..image import Image
from ..models.messages import FunctionCall, FunctionExecutionResult, LLMMessage, UserMessage
from .message import BaseChatMessage, BaseTextChatMessage


class TextMessage(BaseTextChatMessage):
    """Plain text or markdown."""

    type: Literal["TextMessage"] = "TextMessage"


class StopMessage(BaseTextChatMessage):
    """Asks for the end of the conversation; its content becomes the stop reason."""

    type: Literal["StopMessage"] = "StopMessage"


class HandoffMessage(BaseTextChatMessage):
    """Hands the conversation to `target`, with what it should know in `context`."""

    target: str
    context: list[LLMMessage] = Field(default_factory=list)
    type: Literal["HandoffMessage"] = "HandoffMessage"


class ToolCallSummaryMessage(BaseTextChatMessage):
    """The results of tool calls, as the answer of an agent that does not comment on them."""

    type: Literal["ToolCallSummaryMessage"] = "ToolCallSummaryMessage"
    tool_calls: list[FunctionCall]
    results: list[FunctionExecutionResult]


class MultiModalMessage(BaseChatMessage):
    """Text and pictures, in the order in which they are to be read."""

    content: list[str | Image]
    type: Literal["MultiModalMessage"] = "MultiModalMessage"

    def to_text(self, iterm: bool = False) -> str:
        """One line for each part; a picture is ``<image>``, or its pixels for a terminal that shows them (iTerm2)."""
        return "\n".join(_shown(part, iterm) for part in self.content)

    def to_model_text(self, image_placeholder: str | None = "[image]") -> str:
        """The text, with `image_placeholder` for each picture; None puts its base64 there."""
        text = ""
        for part in self.content:
            # A space between a text and its picture, as in a sentence.
            text += part if isinstance(part, str) else f" {_replaced(part, image_placeholder)}"
        return text

    def to_model_message(self) -> UserMessage:
        return UserMessage(content=self.content, source=self.source)


def _shown(part: str | Image, iterm: bool) -> str:
    if isinstance(part, str):
        return part
    return f"\033]1337;File=inline=1:{part.to_base64()}\a\n" if iterm else "<image>"


def _replaced(image: Image, placeholder: str | None) -> str:
    return image.to_base64() if placeholder is None else placeholder
