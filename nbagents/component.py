"""Components: agents, teams, models, tools, conditions and the rest as JSON, and back. Names and shapes are AutoGen's.

Loading never runs code that the JSON carries, and imports only from namespaces that are allowed: nbagents, and what the
user adds with `allow_providers` or with the environment variable NBAGENTS_ALLOWED_PROVIDER_NAMESPACES (separated by
commas). A component class that the program itself has defined needs no import, so it can always be loaded.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any, ClassVar, Generic, Literal, Self, TypeGuard, TypeVar, cast, get_origin, overload

from pydantic import BaseModel, ConfigDict

from . import autogen_names
from .errors import ConfigurationError, UntrustedProvider

ComponentType = Literal["model", "agent", "tool", "termination", "token_provider", "workbench"] | str
"""What kind of component it is; a user may have kinds of their own."""

ConfigT = TypeVar("ConfigT", bound=BaseModel)
FromConfigT = TypeVar("FromConfigT", bound=BaseModel, contravariant=True)
ToConfigT = TypeVar("ToConfigT", bound=BaseModel, covariant=True)
T = TypeVar("T")

ALLOWED_VARIABLES = ("NBAGENTS_ALLOWED_PROVIDER_NAMESPACES", "AUTOGEN_ALLOWED_PROVIDER_NAMESPACES")
_allowed: set[str] = {"nbagents"}
_named: Callable[[type], str | None] | None = None


class ComponentModel(BaseModel):
    """A component as JSON."""

    model_config = ConfigDict(defer_build=True)

    provider: str
    """The class that loads it: ``package.module.Class``."""
    component_type: ComponentType | None = None
    version: int | None = None
    """The version of this format; None for today's."""
    component_version: int | None = None
    """The version of `config`; None for today's."""
    description: str | None = None
    label: str | None = None
    config: dict[str, Any]


class ComponentConfig(BaseModel):
    """A base for the `config` of a component; made ready at its first use, so that importing stays quick."""

    model_config = ConfigDict(defer_build=True)


class ComponentFromConfig(Generic[FromConfigT]):
    """What can be made from a config."""

    @classmethod
    def _from_config(cls, config: FromConfigT) -> Self:
        """The component that `config` says."""
        raise NotImplementedError("This component does not support loading from config")

    @classmethod
    def _from_config_past_version(cls, config: dict[str, Any], version: int) -> Self:
        """The component that a config of an older `version` says; a class whose version is above 1 overrides it."""
        raise NotImplementedError("This component does not support loading from past versions")


class ComponentToConfig(Generic[ToConfigT]):
    """What can be said as a config."""

    component_type: ClassVar[ComponentType]
    component_version: ClassVar[int] = 1
    """Raise it when a config of before cannot be read any more, and read it in `_from_config_past_version`."""
    component_provider_override: ClassVar[str | None] = None
    """Where this class (not its subclasses) is found, if not where it is defined."""
    component_description: ClassVar[str | None] = None
    """The first paragraph of the docstring unless given."""
    component_label: ClassVar[str | None] = None
    """The name of the class unless given."""

    def _to_config(self) -> ToConfigT:
        """What `_from_config` needs to make it again."""
        raise NotImplementedError("This component does not support dumping to config")

    def dump_component(self) -> ComponentModel:
        """The component as JSON: ``agent.dump_component().model_dump_json()``. Keys are dumped as ``**********``.

        Raises:
            NotImplementedError: it holds what JSON cannot.
            TypeError: its class is defined within a function, where nobody finds it.
        """
        kind = type(self)
        provider = provider_of(kind)
        return ComponentModel(
            provider=provider,
            component_type=self.component_type,
            version=self.component_version,
            component_version=self.component_version,
            description=self.component_description or _first_paragraph(kind),
            label=self.component_label or kind.__name__,
            config=self._to_config().model_dump(exclude_none=True),
        )


class ComponentLoader:
    """Loads components; a component class loads its own kind only."""

    @overload
    @classmethod
    def load_component(cls, model: ComponentModel | dict[str, Any], expected: None = None) -> Self: ...

    @overload
    @classmethod
    def load_component(cls, model: ComponentModel | dict[str, Any], expected: type[T]) -> T: ...

    @classmethod
    def load_component(cls, model: ComponentModel | dict[str, Any], expected: type[T] | None = None) -> Self | T:
        """The component that `model` says; no code that the JSON carries is run.

        Args:
            model: what `dump_component` gave, AutoGen's and AutoGen Studio's too.
            expected: the class that it must be of; the one this is called on unless given.

        Raises:
            UntrustedProvider: its class would have to be imported from a namespace that is not allowed.
            ConfigurationError: it is one of AutoGen's that nbagents does not have, or it carries code.
            TypeError: its class is no component, or not `expected`.
            NotImplementedError: it is of an older version that cannot be read.
            pydantic.ValidationError: its fields do not fit.
        """
        said = model if isinstance(model, ComponentModel) else ComponentModel.model_validate(model)
        kind = class_of(said.provider)
        wanted: type = get_origin(expected or cls) or expected or cls
        if not getattr(wanted, "_is_protocol", False):  # a protocol can be asked about objects only
            _check_kind(issubclass(kind, wanted), said, wanted)
        made = _made(kind, said)
        _check_kind(isinstance(made, wanted), said, wanted)
        return cast("Self | T", made)


class ComponentSchemaType(Generic[ConfigT]):
    """What has a config of a known shape."""

    component_config_schema: type[ConfigT]
    required_class_vars: ClassVar[list[str]] = ["component_config_schema", "component_type"]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__name__ == "Component":
            return
        for name in cls.required_class_vars:
            if not hasattr(cls, name):
                warnings.warn(
                    f"Class variable '{name}' must be defined in {cls.__name__} to be a valid component", stacklevel=2
                )


class ComponentBase(ComponentToConfig[ConfigT], ComponentLoader, Generic[ConfigT]):
    """The base of what may be a component: an interface such as `Workbench`. It is one when `Component` is added."""


class Component(ComponentFromConfig[ConfigT], ComponentSchemaType[ConfigT], Generic[ConfigT]):
    """Makes a class a component, beside the interface that it implements.

    It needs `component_config_schema`, `_to_config` and `_from_config`:

        class Wait(Workbench, Component[WaitConfig]):
            component_config_schema = WaitConfig
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not is_component_class(cls):
            warnings.warn(
                f"Component class '{cls.__name__}' must subclass the following: ComponentFromConfig, "
                "ComponentToConfig, ComponentSchemaType, ComponentLoader; ComponentBase beside Component does",
                stacklevel=2,
            )


def is_component_class(cls: Any) -> TypeGuard[type[Any]]:
    """True for a class whose objects can be dumped and loaded."""
    parts = (ComponentToConfig, ComponentFromConfig, ComponentSchemaType, ComponentLoader)
    return isinstance(cls, type) and all(issubclass(cls, part) for part in parts)


def is_component_instance(cls: Any) -> TypeGuard[Any]:
    """True for an object that can be dumped and loaded."""
    return is_component_class(type(cls))


def allow_providers(*namespaces: str) -> None:
    """Let components be loaded whose classes have to be imported from these packages: importing one runs its code."""
    _allowed.update(namespaces)


def provider_of(kind: type) -> str:
    """Where a component class is found: its public name for ours, where it is defined for others.

    Raises:
        TypeError: it is defined within a function.
    """
    if own := vars(kind).get("component_provider_override"):
        return str(own)
    if "<locals>" in kind.__qualname__:
        raise TypeError(
            f"Cannot dump component with local class: {kind.__qualname__} must stand at a module's top level"
        )
    return (_named(kind) if _named is not None else None) or f"{_public_module(kind)}.{kind.__qualname__}"


def name_providers(named: Callable[[type], str | None] | None) -> None:
    """Let components be dumped under other names, for those classes to which `named` gives one; None ends it."""
    global _named
    _named = named


def class_of(provider: str) -> type[Any]:
    """The component class that `provider` names.

    Raises:
        ValueError: it is no name of a class.
        UntrustedProvider: its namespace is not allowed.
        ConfigurationError: it is one of AutoGen's that nbagents does not have.
        ImportError, AttributeError: there is no such module or class.
        TypeError: it is no component.
    """
    full = autogen_names.WELL_KNOWN.get(provider, provider)
    if autogen_names.is_autogen(full):
        place = autogen_names.ours(full)
        if place is None:
            raise ConfigurationError(autogen_names.lacking(full))
        full = ".".join(place)
    module_name, _, name = full.rpartition(".")
    if not module_name:
        raise ValueError(f"Invalid provider {provider!r}: expected package.module.Class")
    kind = _defined(module_name, name)
    if kind is None:
        check_allowed(module_name, provider)
        kind = getattr(importlib.import_module(module_name), name)
    if not is_component_class(kind):
        raise TypeError(f"Invalid component class: {provider!r} names no component")
    return kind


def _defined(module_name: str, name: str) -> type | None:
    """A component class of a module that the program has imported already; nothing is imported."""
    kind = vars(sys.modules[module_name]).get(name) if module_name in sys.modules else None
    return kind if isinstance(kind, type) and is_component_class(kind) else None


def check_allowed(module_name: str, provider: str) -> None:
    """Refuse to import a module that the user has not allowed.

    Raises:
        UntrustedProvider: its namespace is not allowed.
    """
    said = (name.strip() for variable in ALLOWED_VARIABLES for name in os.environ.get(variable, "").split(","))
    if not any(module_name == name or module_name.startswith(f"{name}.") for name in {*_allowed, *said} if name):
        raise UntrustedProvider(provider, module_name.partition(".")[0])


def _check_kind(fits: bool, said: ComponentModel, wanted: type) -> None:
    if not fits:
        raise TypeError(f"Expected type does not match: {said.provider} is no {wanted.__name__}")


def _made(kind: type[Any], said: ComponentModel) -> Any:
    version: int = kind.component_version
    if said.component_version is not None and said.component_version < version:
        try:
            return kind._from_config_past_version(said.config, said.component_version)
        except NotImplementedError as error:
            raise NotImplementedError(
                f"Tried to load component {kind} which is on version {version} with a config on version "
                f"{said.component_version} but _from_config_past_version is not implemented"
            ) from error
    return kind._from_config(kind.component_config_schema.model_validate(said.config))


def _public_module(kind: type) -> str:
    """The package of ours that exports `kind`, the outermost; for others' classes the module that defines it."""
    parts = kind.__module__.split(".")
    if parts[0] == "nbagents":
        for length in range(2, len(parts)):
            package = ".".join(parts[:length])
            outer = sys.modules[package]
            if kind.__name__ in vars(outer).get("__all__", ()) and getattr(outer, kind.__name__, None) is kind:
                return package
    return kind.__module__


def _first_paragraph(kind: type) -> str | None:
    own = vars(kind).get("__doc__")
    return inspect.cleandoc(own).partition("\n\n")[0].strip() or None if own else None
