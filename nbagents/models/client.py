"""The port to a model: `ChatCompletionClient`, which users may implement themselves.

Names and signatures are those of AutoGen's ``autogen_core.models.ChatCompletionClient``.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel

from ..cancellation import CancellationToken
from ..component import ComponentBase
from .messages import CreateResult, LLMMessage, RequestUsage
from .model_info import ModelCapabilities, ModelInfo
from .offered import OfferedTool, ToolChoice
from .token_estimate import estimate_tokens

__all__ = ["ChatCompletionClient", "ModelCapabilities", "ModelInfo"]

UNKNOWN_CONTEXT = 8192
"""Tokens that a model is taken to have room for when nobody said."""


class ChatCompletionClient(ABC, ComponentBase[BaseModel]):
    """Asks one model. A client may be used by several agents at once."""

    component_type = "model"

    provider: str = ""
    """The first half of the model's name, e.g. "openai"; "" for a client of the user's own."""

    model: str = ""
    """The model's name as the provider knows it."""

    on_io_thread: bool = False
    """It waits for the network and for nothing else, so it may be asked on another thread's loop than the caller's."""

    asks_a_server: bool = False
    """What it asks may cost, also where its answers do not say how many tokens they took."""

    @property
    def billed_by(self) -> str:
        """Whose price list holds: the provider, or the host of a server that is not the provider's own."""
        return self.provider

    @property
    def answer_limit(self) -> int | None:
        """Tokens that one answer may have at most; None when nobody said."""
        return None

    @abstractmethod
    async def create(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[OfferedTool] = (),
        tool_choice: ToolChoice = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> CreateResult:
        """Ask for one whole answer.

        Args:
            messages: the conversation, oldest first.
            tools: tools that the model may call, or their schemas.
            tool_choice: "auto", "required" or "none"; or the one tool that it must call.
            json_output: True for any JSON, a pydantic model for JSON of its schema.
            extra_create_args: passed to the provider as they are.
            cancellation_token: cancels the request.

        Raises:
            ModelError: the model did not answer; names provider, model and cause.
        """

    @abstractmethod
    def create_stream(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[OfferedTool] = (),
        tool_choice: ToolChoice = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> AsyncGenerator[str | CreateResult, None]:
        """As `create`, but yields text as it comes and the whole `CreateResult` last."""

    @property
    @abstractmethod
    def model_info(self) -> ModelInfo:
        """What the model can do."""

    @abstractmethod
    def total_usage(self) -> RequestUsage:
        """Tokens of all calls of this client so far."""

    def actual_usage(self) -> RequestUsage:
        """Tokens of all calls that really went to the provider."""
        return self.total_usage()

    def count_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[OfferedTool] = ()) -> int:
        """Tokens that these messages and tools take: an estimate, unless a client knows better."""
        return estimate_tokens(messages, tools)

    def remaining_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[OfferedTool] = ()) -> int:
        """Tokens that the model has room for after these messages and tools; negative when they are too many."""
        return UNKNOWN_CONTEXT - self.count_tokens(messages, tools=tools)

    @property
    def capabilities(self) -> ModelCapabilities:
        """An older name for `model_info`."""
        warnings.warn("capabilities is deprecated, use model_info instead", DeprecationWarning, stacklevel=2)
        return cast(ModelCapabilities, self.model_info)

    async def close(self) -> None:
        """Give back sockets and processes. Asking again afterwards is an error."""
        return None


def name_of(client: ChatCompletionClient) -> str:
    """The model as journals, screens and errors name it: ``provider/model``, or what a user's own client says."""
    return f"{client.provider}/{client.model}" if client.provider else client.model or type(client).__name__
