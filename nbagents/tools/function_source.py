"""A function as JSON: its source. Loading one means running code that the JSON carries, so it is refused.

What this process has dumped itself needs no running: while the function lives, its configuration gives the function. A
closure is not known by its source: another of the same text holds other values.

Who trusts a configuration as they trust a program says so around the loading:

    with trusting_code():
        tool = FunctionTool.load_component(config)
"""

from __future__ import annotations

import functools
import inspect
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from pydantic import BaseModel, ConfigDict

from ..errors import ConfigurationError


@dataclass(frozen=True)
class Alias:
    """``import name as alias``"""

    name: str
    alias: str


@dataclass(frozen=True)
class ImportFromModule:
    """``from module import ...``"""

    module: str
    imports: Sequence[str | Alias]

    def __post_init__(self) -> None:
        # A list has no hash; the same imports may be asked for by several functions.
        object.__setattr__(self, "imports", tuple(self.imports))


Import = str | ImportFromModule | Alias


class FunctionToolConfig(BaseModel):
    """A `FunctionTool` as JSON; the shape is AutoGen's."""

    model_config = ConfigDict(defer_build=True)

    source_code: str
    name: str
    description: str
    global_imports: Sequence[Import] = ()
    has_cancellation_support: bool = False
    strict: bool | None = None
    requires_approval: bool | None = None
    """The last two are ours, and said only where they are true."""


_dumped: WeakValueDictionary[str, Callable[..., Any]] = WeakValueDictionary()
"""The program's own functions that were dumped, by the whole configuration: approval is part of it."""
_TRUSTED: ContextVar[bool] = ContextVar("nbagents_code_is_trusted", default=False)


@contextmanager
def trusting_code() -> Iterator[None]:
    """Within, loading a configuration may run the code that it carries. Only for files that you would execute."""
    token = _TRUSTED.set(True)
    try:
        yield
    finally:
        _TRUSTED.reset(token)


def source_of(func: Callable[..., Any]) -> str:
    """The source of a function.

    Raises:
        ConfigurationError: it has none that stands for itself.
    """
    if isinstance(func, functools.partial):
        raise ConfigurationError("a tool made of a functools.partial cannot be saved: write the function out")
    try:
        source = textwrap.dedent(inspect.getsource(func))
    except (OSError, TypeError) as error:
        raise ConfigurationError(f"the source of {func!r} is not known, so it cannot be saved: {error}") from error
    if not source.lstrip().startswith(("def ", "async def ", "@")):
        raise ConfigurationError(f"{func!r} cannot be saved: only a function made with def has a source of its own")
    return source


def remember(config: FunctionToolConfig, func: Callable[..., Any]) -> None:
    """Let `config` give `func` back, as long as that lives; a method and a closure are more than their source says."""
    if inspect.isfunction(func) and func.__closure__ is None:
        _dumped[config.model_dump_json()] = func


def remembered(config: FunctionToolConfig) -> Callable[..., Any] | None:
    """The function of this process that was dumped as `config`; nothing is run."""
    return _dumped.get(config.model_dump_json())


def function_from(config: FunctionToolConfig) -> Callable[..., Any]:
    """The function in a configuration, only within `trusting_code`.

    Raises:
        ConfigurationError: the configuration is not trusted, imports what is not installed, or holds no function.
    """
    if not _TRUSTED.get():
        raise ConfigurationError(
            f"tool {config.name!r} carries Python source, and loading it would run that: build the tool in Python "
            "with FunctionTool(...), or load it within nbagents.tools.trusting_code() if you would execute this file"
        )
    scope: dict[str, Any] = {}
    try:
        exec("\n".join(import_statement(wanted) for wanted in config.global_imports), scope)
    except ImportError as error:
        raise ConfigurationError(f"tool {config.name!r} imports what is not installed: {error}") from error
    before = set(scope)
    exec(config.source_code, scope)
    functions = [value for name, value in scope.items() if name not in before and inspect.isfunction(value)]
    if not functions:
        raise ConfigurationError(f"the source of tool {config.name!r} defines no function")
    return functions[-1]


def import_statement(wanted: Import) -> str:
    """The line of Python that imports it."""
    if isinstance(wanted, str):
        return f"import {wanted}"
    if isinstance(wanted, Alias):
        return f"import {wanted.name} as {wanted.alias}"
    names = (name if isinstance(name, str) else f"{name.name} as {name.alias}" for name in wanted.imports)
    return f"from {wanted.module} import {', '.join(names)}"
