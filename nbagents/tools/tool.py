"""What a tool is: `Tool` says what every tool can be asked, the classes below make one out of typed arguments.

Names and signatures are those of AutoGen's ``autogen_core.tools``. `requires_approval` is ours: the gate asks a
person before it calls a tool that says so.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, nullcontext
from functools import partial
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel

from ..cancellation import CancellationToken
from ..component import ComponentBase
from ..models.direct_calls import calling, tell_called
from .caller import current_caller
from .schema import ToolSchema, schema_of

ArgsT = TypeVar("ArgsT", bound=BaseModel, contravariant=True)
ReturnT = TypeVar("ReturnT", bound=BaseModel, covariant=True)
StreamT = TypeVar("StreamT", covariant=True)
StateT = TypeVar("StateT", bound=BaseModel)


@runtime_checkable
class Tool(Protocol):
    """What a model may call."""

    @property
    def name(self) -> str:
        """The name that the model calls."""

    @property
    def description(self) -> str:
        """What the tool is for, as the model reads it."""

    @property
    def schema(self) -> ToolSchema:
        """What the model is told about the tool."""

    def args_type(self) -> type[BaseModel]:
        """The model of the arguments."""

    def return_type(self) -> type[Any]:
        """The type of what a call returns."""

    def state_type(self) -> type[BaseModel] | None:
        """The model of the tool's state; None when it has none."""

    def return_value_as_string(self, value: Any) -> str:
        """What a call returned, as text for a model."""

    async def run_json(
        self, args: Mapping[str, Any], cancellation_token: CancellationToken, call_id: str | None = None
    ) -> Any:
        """Call the tool with arguments as JSON."""

    async def save_state_json(self) -> Mapping[str, Any]:
        """The tool's state, as JSON."""

    async def load_state_json(self, state: Mapping[str, Any]) -> None:
        """Restore what `save_state_json` saved."""


@runtime_checkable
class StreamTool(Tool, Protocol):
    """A tool that tells what it does while it does it."""

    def run_json_stream(
        self, args: Mapping[str, Any], cancellation_token: CancellationToken, call_id: str | None = None
    ) -> AsyncGenerator[Any, None]:
        """As `run_json`, but yields what happens on the way, and the returned value last."""


class BaseTool(ABC, ComponentBase[BaseModel], Generic[ArgsT, ReturnT]):
    """A tool with typed arguments; implement `run`.

    Args:
        args_type: the model of the arguments; its fields' descriptions are what the language model reads.
        return_type: the type of what `run` returns.
        name: the name that the language model calls.
        description: what the tool is for.
        strict: every argument is required and no other is allowed, as some providers' strict mode demands.
    """

    component_type = "tool"
    requires_approval: bool = False
    """A person must agree to each call."""

    def __init__(
        self, args_type: type[ArgsT], return_type: type[ReturnT], name: str, description: str, strict: bool = False
    ) -> None:
        self._args_type, self._return_type = args_type, return_type
        self._name, self._description, self._strict = name, description, strict

    @property
    def name(self) -> str:
        """The name that the model calls."""
        return self._name

    @property
    def description(self) -> str:
        """What the tool is for."""
        return self._description

    @property
    def schema(self) -> ToolSchema:
        """What the model is told about the tool.

        Raises:
            ValueError: the tool is strict, and its arguments are not fit for that.
        """
        return schema_of(self._name, self._description, self._args_type, self._strict)

    def args_type(self) -> type[BaseModel]:
        """The model of the arguments."""
        return self._args_type

    def return_type(self) -> type[Any]:
        """The type of what a call returns."""
        return self._return_type

    def state_type(self) -> type[BaseModel] | None:
        """The model of the tool's state; None when it has none."""
        return None

    def return_value_as_string(self, value: Any) -> str:
        """What a call returned, as text for a model: JSON for a pydantic model, `str()` for the rest."""
        if not isinstance(value, BaseModel):
            return str(value)
        # As JSON wants it: dates and enums are no reason to fail. A model may serialise itself as something else.
        dumped: Any = value.model_dump(mode="json")
        return json.dumps(dumped) if isinstance(dumped, dict) else str(dumped)

    @abstractmethod
    async def run(self, args: ArgsT, cancellation_token: CancellationToken) -> ReturnT:
        """Do it.

        Args:
            args: the arguments, validated.
            cancellation_token: cancelled when the call must end; the task that awaits this is cancelled too.
        """

    async def run_json(
        self, args: Mapping[str, Any], cancellation_token: CancellationToken, call_id: str | None = None
    ) -> Any:
        """Validate the arguments and `run`.

        Raises:
            pydantic.ValidationError: the arguments do not fit.
        """
        if current_caller() is not None:  # the gate tells of it
            return await self.run(self._args_type.model_validate(args), cancellation_token)
        with calling(self._name):
            value = await self.run(self._args_type.model_validate(args), cancellation_token)
        tell_called(self._name, args, partial(self.return_value_as_string, value))
        return value

    async def save_state_json(self) -> Mapping[str, Any]:
        """The tool's state, as JSON: nothing, unless it has state."""
        return {}

    async def load_state_json(self, state: Mapping[str, Any]) -> None:
        """Restore what `save_state_json` saved."""


class BaseStreamTool(BaseTool[ArgsT, ReturnT], Generic[ArgsT, StreamT, ReturnT]):
    """A tool with typed arguments that tells what it does on the way; implement `run_stream` and `run`."""

    @abstractmethod
    def run_stream(self, args: ArgsT, cancellation_token: CancellationToken) -> AsyncGenerator[StreamT | ReturnT, None]:
        """As `run`, but yields what happens on the way, and the returned value last."""

    async def run_json_stream(
        self, args: Mapping[str, Any], cancellation_token: CancellationToken, call_id: str | None = None
    ) -> AsyncGenerator[Any, None]:
        """Validate the arguments and `run_stream`; the last item is of the return type.

        Raises:
            pydantic.ValidationError: the arguments do not fit.
            TypeError: the last item is not what the tool says that it returns.
        """
        last: Any = None
        direct = current_caller() is None
        with calling(self._name, current=False) if direct else nullcontext():
            async with aclosing(self.run_stream(self._args_type.model_validate(args), cancellation_token)) as stream:
                async for last in stream:
                    yield last
        returns: Any = self._return_type  # an annotation such as list[int] cannot be checked
        if isinstance(returns, type) and not isinstance(last, returns):
            raise TypeError(
                f"Expected return value of type {returns.__name__}, but got {type(last).__name__}: the last item of "
                f"the stream of tool {self._name!r} is what it returns"
            )
        if direct:
            tell_called(self._name, args, partial(self.return_value_as_string, last))


class BaseToolWithState(BaseTool[ArgsT, ReturnT], Generic[ArgsT, ReturnT, StateT]):
    """A tool with typed arguments that remembers something; implement `run`, `save_state` and `load_state`.

    Args:
        state_type: the model of what it remembers.
    """

    component_type = "tool"

    def __init__(
        self,
        args_type: type[ArgsT],
        return_type: type[ReturnT],
        state_type: type[StateT],
        name: str,
        description: str,
        strict: bool = False,
    ) -> None:
        super().__init__(args_type, return_type, name, description, strict)
        self._state_type = state_type

    def state_type(self) -> type[BaseModel] | None:
        """The model of the tool's state."""
        return self._state_type

    @abstractmethod
    def save_state(self) -> StateT:
        """What the tool remembers."""

    @abstractmethod
    def load_state(self, state: StateT) -> None:
        """Restore what `save_state` saved."""

    async def save_state_json(self) -> Mapping[str, Any]:
        """What the tool remembers, as JSON."""
        return self.save_state().model_dump(mode="json")

    async def load_state_json(self, state: Mapping[str, Any]) -> None:
        """Restore what `save_state_json` saved.

        Raises:
            pydantic.ValidationError: it is not a state of this tool.
        """
        self.load_state(self._state_type.model_validate(state))
