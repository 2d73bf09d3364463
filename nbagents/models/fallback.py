"""`FallbackChatCompletionClient`: several models in a row, of which the next is asked where one does not answer.

Each is asked by its own policy first, retries included. What can be shown of an answer belongs to one model: once a
piece of it was handed on, a failure is a failure.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Self

from pydantic import BaseModel

from ..cancellation import CancellationToken
from ..component import Component, ComponentConfig, ComponentModel
from ..errors import ConfigurationError, ModelError, ModelFallbackError
from .client import ChatCompletionClient, name_of
from .complete_answer import result_of
from .messages import CreateResult, LLMMessage, RequestUsage
from .model_info import ModelInfo
from .notices import RetryNotice, tell
from .offered import OfferedTool, ToolChoice
from .request import asked_with, check_supported

Ask = Callable[[ChatCompletionClient], AsyncGenerator[str | CreateResult, None]]


class FallbackClientConfig(ComponentConfig):
    """Who is asked, in this order."""

    clients: list[ComponentModel]


class FallbackChatCompletionClient(ChatCompletionClient, Component[FallbackClientConfig]):
    """Asks the first of `clients`, and the next one where it does not answer.

    A client that fails for want of a key or of its server, for a limit, a filter or a context that is too small, and
    one that cannot do what is asked (pictures, tools), is passed over for this call.
    The next call begins with the first.

    Args:
        clients: the models, the preferred one first; what it can do is what the agent may use.

    Raises:
        ConfigurationError: there is no client.
    """

    component_config_schema = FallbackClientConfig

    def __init__(self, clients: Sequence[ChatCompletionClient]) -> None:
        if not clients:
            raise ConfigurationError(
                "a fallback needs at least one client: FallbackChatCompletionClient([first, next])"
            )
        self.clients = list(clients)
        self.provider, self.model = clients[0].provider, clients[0].model
        self.on_io_thread = all(client.on_io_thread for client in clients)
        self.asks_a_server = all(client.asks_a_server for client in clients)

    @property
    def billed_by(self) -> str:
        return self.clients[0].billed_by

    @property
    def answer_limit(self) -> int | None:
        limits = [client.answer_limit for client in self.clients]
        return None if None in limits else max(limit for limit in limits if limit is not None)

    @property
    def model_info(self) -> ModelInfo:
        return self.clients[0].model_info

    def actual_usage(self) -> RequestUsage:
        return sum((client.actual_usage() for client in self.clients), RequestUsage())

    def total_usage(self) -> RequestUsage:
        return sum((client.total_usage() for client in self.clients), RequestUsage())

    def count_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[OfferedTool] = ()) -> int:
        return self.clients[0].count_tokens(messages, tools=tools)

    def remaining_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[OfferedTool] = ()) -> int:
        return self.clients[0].remaining_tokens(messages, tools=tools)

    async def close(self) -> None:
        for client in self.clients:
            await client.close()

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
        asked = asked_with(tools, tool_choice, json_output, extra_create_args, cancellation_token)

        async def ask(client: ChatCompletionClient) -> AsyncGenerator[str | CreateResult, None]:
            check_supported(client.model_info, messages, tools, json_output)
            yield await client.create(messages, **asked)

        return await result_of(self._first_of(ask))

    async def create_stream(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[OfferedTool] = (),
        tool_choice: ToolChoice = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> AsyncGenerator[str | CreateResult, None]:
        asked = asked_with(tools, tool_choice, json_output, extra_create_args, cancellation_token)

        async def ask(client: ChatCompletionClient) -> AsyncGenerator[str | CreateResult, None]:
            check_supported(client.model_info, messages, tools, json_output)
            async with aclosing(client.create_stream(messages, **asked)) as parts:
                async for part in parts:
                    yield part

        async with aclosing(self._first_of(ask)) as parts:
            async for part in parts:
                yield part

    async def _first_of(self, ask: Ask) -> AsyncGenerator[str | CreateResult, None]:
        """The parts of the answer of the first client that begins one."""
        errors: list[ModelError] = []
        for client, following in zip(self.clients, [*self.clients[1:], None], strict=True):
            begun = False
            try:
                async with aclosing(ask(client)) as parts:
                    async for part in parts:
                        begun = True
                        yield _answered_by(client, part) if isinstance(part, CreateResult) else part
                return
            except (ModelError, ValueError) as error:
                if begun:
                    raise
                failed = _as_model_error(error, client)
                errors.append(failed)
                if following is not None:
                    tell(RetryNotice(client.provider, client.model, failed, len(errors), len(self.clients), 0.0,
                                     fallback=name_of(following)))  # fmt: skip
        if len(errors) == 1:
            raise errors[0]
        causes = "; ".join(str(error) for error in errors)
        raise ModelFallbackError(f"none of {len(errors)} models answered: {causes}", errors) from errors[-1]

    def _to_config(self) -> FallbackClientConfig:
        return FallbackClientConfig(clients=[client.dump_component() for client in self.clients])

    @classmethod
    def _from_config(cls, config: FallbackClientConfig) -> Self:
        return cls([ChatCompletionClient.load_component(client) for client in config.clients])


def _answered_by(client: ChatCompletionClient, result: CreateResult) -> CreateResult:
    """The result with who gave it, so that it is billed to them."""
    told = {"model": result.model or client.model, "billed_by": result.billed_by or client.billed_by}
    return result.model_copy(update=told)


def _as_model_error(error: ModelError | ValueError, client: ChatCompletionClient) -> ModelError:
    """What the client cannot do, it says as a ValueError, before it asks."""
    if isinstance(error, ModelError):
        return error
    made = ModelError(f"{name_of(client)}: {error}", provider=client.provider, model=client.model)
    made.__cause__ = error
    return made
