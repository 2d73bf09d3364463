"""`FunctionTool`: a Python function that a model may call. Name and behaviour are AutoGen's.

The schema is read from the annotations; a synchronous function runs in a thread, so that the run can be stopped
while it works.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import is_dataclass
from enum import Enum
from typing import Annotated, Any, Self, get_args, get_origin, get_type_hints, is_typeddict

from pydantic import BaseModel, Field, create_model
from pydantic.fields import FieldInfo

from ..cancellation import CancellationToken
from ..component import Component
from .function_source import FunctionToolConfig, Import, function_from, remember, remembered, source_of
from .tool import BaseTool

TOKEN = "cancellation_token"
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class FunctionTool(BaseTool[BaseModel, BaseModel], Component[FunctionToolConfig]):
    """A function as a tool. A parameter called `cancellation_token` is passed, and not shown to the model.

    Args:
        func: the function, sync or async; every parameter is annotated, ``Annotated[T, "text"]`` describes it.
        description: what the tool is for, as the model reads it.
        name: the name that the model calls; the function's own unless given.
        global_imports: what the function's source needs, kept for `dump_component`.
        strict: every argument is required.
        requires_approval: a person must agree to each call.

    Raises:
        ValueError: a parameter is not annotated, takes any number of values, or its type is not found.
    """

    component_config_schema = FunctionToolConfig

    def __init__(
        self,
        func: Callable[..., Any],
        description: str,
        name: str | None = None,
        global_imports: Sequence[Import] = (),
        strict: bool = False,
        *,
        requires_approval: bool = False,
    ) -> None:
        self._func, self._global_imports = func, global_imports
        plain = func.func if isinstance(func, functools.partial) else func
        name = name or str(getattr(plain, "__name__", type(plain).__name__))
        hints = _hints(plain, name)
        self._parameters = _parameters(func, hints, name)
        arguments = _arguments_model(name, self._parameters)
        returns = hints.get("return", Any)
        if get_origin(returns) is Annotated:
            returns = get_args(returns)[0]
        super().__init__(arguments, returns, name, description, strict)
        self.requires_approval = requires_approval
        self._loaded_source: str | None = None  # a function made of text has no file to read it from

    async def run(self, args: BaseModel, cancellation_token: CancellationToken) -> Any:
        """Call the function; one that is not async, in a thread.

        A thread cannot be ended: when the call is cancelled nobody waits for it any longer, and a function that
        takes a `cancellation_token` can see it.
        """
        given = {name: getattr(args, name) for name in self._parameters if name != TOKEN}
        if TOKEN in self._parameters:
            given[TOKEN] = cancellation_token
        if inspect.iscoroutinefunction(self._func) or inspect.iscoroutinefunction(
            getattr(self._func, "__call__", None)  # noqa: B004 - whether it is async is asked, not whether it can be called
        ):
            working = asyncio.ensure_future(self._func(**given))
        else:
            working = asyncio.ensure_future(asyncio.to_thread(self._func, **given))
        cancellation_token.link_future(working)
        value = await working
        return await value if inspect.isawaitable(value) else value

    def _to_config(self) -> FunctionToolConfig:
        config = FunctionToolConfig(
            source_code=self._loaded_source or source_of(self._func),
            name=self.name,
            description=self.description,
            global_imports=list(self._global_imports),
            has_cancellation_support=TOKEN in self._parameters,
            strict=self._strict or None,
            requires_approval=self.requires_approval or None,
        )
        if self._loaded_source is None:
            remember(config, self._func)
        return config

    @classmethod
    def _from_config(cls, config: FunctionToolConfig) -> Self:
        known = remembered(config)
        tool = cls(
            known or function_from(config),
            config.description,
            config.name,
            config.global_imports,
            bool(config.strict),
            requires_approval=bool(config.requires_approval),
        )
        if known is None:
            tool._loaded_source = config.source_code
        return tool


def _hints(func: Callable[..., Any], tool: str) -> dict[str, Any]:
    target = func if inspect.isroutine(func) or inspect.isclass(func) else type(func).__call__
    try:
        return get_type_hints(target, include_extras=True)
    except NameError as error:
        raise ValueError(
            f"an annotation of tool {tool!r} cannot be read: {error}. Define the type at the top level of the module, "
            "or leave out `from __future__ import annotations`"
        ) from error


def _parameters(func: Callable[..., Any], hints: dict[str, Any], tool: str) -> dict[str, tuple[Any, Any]]:
    """Annotation and default of each parameter, by name."""
    found: dict[str, tuple[Any, Any]] = {}
    for name, parameter in inspect.signature(func).parameters.items():
        if parameter.kind in _VARIADIC:
            raise ValueError(
                f"parameter {name!r} of tool {tool!r} takes any number of values: a model needs each one by name"
            )
        if name not in hints and name != TOKEN:
            raise ValueError(f"parameter {name!r} of tool {tool!r} has no annotation: write {name}: str, or its type")
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        found[name] = (hints.get(name), default)
    return found


def _arguments_model(tool: str, parameters: dict[str, tuple[Any, Any]]) -> type[BaseModel]:
    fields: dict[str, Any] = {
        name: (annotation, _field(name, annotation, default))
        for name, (annotation, default) in parameters.items()
        if name != TOKEN
    }
    return create_model(f"{tool}args", **fields)


def _field(name: str, annotation: Any, default: Any) -> Any:
    """The field of one parameter; described by ``Annotated[T, "text"]``, by its type, or else by its name."""
    notes = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    if any(isinstance(note, FieldInfo) and note.description for note in notes):
        return Field(default)
    if _describes_itself(annotation):
        return Field(default)
    description = next((note for note in notes if isinstance(note, str)), name)
    return Field(default, description=description)


def _describes_itself(annotation: Any) -> bool:
    """True for a type with a schema of its own, whose docstring says more than the parameter's name would."""
    if not isinstance(annotation, type):
        return False
    return issubclass(annotation, BaseModel | Enum) or is_dataclass(annotation) or is_typeddict(annotation)
