"""Lets code written for AutoGen run as it is: ``import autogen_agentchat`` gives nbagents, in this process.

    from nbagents.compat import autogen
    autogen.install()

or in a notebook ``%load_ext nbagents.compat.autogen``. The objects are ours under both names, and setting a name of an
AutoGen module (as ``unittest.mock.patch`` does) sets it where ours looks it up. Components are dumped with AutoGen's
providers from then on, and a logger that is asked for by AutoGen's name is ours. A public name of AutoGen that nbagents
lacks raises an ImportError that says so. An AutoGen that is installed is not touched, and not imported.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .. import autogen_names
from ..component import name_providers
from ..errors import ConfigurationError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["AliasModule", "install", "installed", "uninstall"]

VERSION = "0.7.5"
"""The AutoGen whose names these are."""


class AliasModule(ModuleType):
    """A module of AutoGen's whose names are looked up, set and deleted where ours are."""

    def __getattr__(self, name: str) -> Any:
        places = autogen_names.names(self.__name__)
        if name in places:
            if brought := autogen_names.BROUGHT.get(name):
                importlib.import_module(brought)
            module, ours = places[name]
            return getattr(importlib.import_module(module), ours)
        if name == "__all__":
            return sorted(places)
        if (inner := f"{self.__name__}.{name}") in autogen_names.modules():
            return importlib.import_module(inner)  # AutoGen's packages import most of what is in them
        if autogen_names.lacks(autogen_names.public_module(self.__name__), name):
            raise ImportError(autogen_names.lacking(f"{self.__name__}.{name}"), name=self.__name__)
        raise AttributeError(
            f"module {self.__name__!r} has no attribute {name!r} in nbagents: see {autogen_names.PAGE}"
        )

    def __setattr__(self, name: str, value: Any) -> None:
        holders = _holders(self.__name__, name)
        if not holders:
            return super().__setattr__(name, value)
        _before.setdefault((self.__name__, name), []).append(
            [vars(module).get(ours, _UNSET) for module, ours in holders]
        )
        for module, ours in holders:
            setattr(module, ours, value)

    def __delattr__(self, name: str) -> None:
        """Undo what was set here last: the name was never this module's own, so that is what is left when it goes."""
        holders, before = _holders(self.__name__, name), _before.get((self.__name__, name))
        if not holders:
            return super().__delattr__(name)
        values = before.pop() if before else [_UNSET] * len(holders)
        for (module, ours), value in zip(holders, values, strict=True):
            if value is _UNSET:  # its package looks it up when it is asked for
                vars(module).pop(ours, None)
            else:
                setattr(module, ours, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *autogen_names.names(self.__name__)})


class _Aliases(MetaPathFinder, Loader):
    """Finds AutoGen's modules here, before any that are installed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not autogen_names.is_autogen(fullname):
            return None
        if not autogen_names.is_module(fullname):
            # Without `name=`: an error that names the module is swallowed by `from module import name`.
            raise ModuleNotFoundError(autogen_names.lacking(fullname))
        return ModuleSpec(fullname, self, origin="nbagents", is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return AliasModule(spec.name, f"nbagents under the name {spec.name}: see {autogen_names.PAGE}.")

    def exec_module(self, module: ModuleType) -> None:
        if module.__name__ in autogen_names.ROOTS:
            vars(module)["__version__"] = VERSION


_finder = _Aliases()
_homes: dict[tuple[str, str], list[tuple[ModuleType, str]]] = {}
_before: dict[tuple[str, str], list[list[Any]]] = {}
"""What stood where a name was set, the latest last: patches may be nested."""
_UNSET = object()


def install() -> None:
    """Let AutoGen's modules be ours in this process. A second call does nothing.

    Raises:
        ConfigurationError: AutoGen itself was imported before.
    """
    if installed():
        return
    for root in autogen_names.ROOTS:
        if root in sys.modules and not isinstance(sys.modules[root], AliasModule):
            raise ConfigurationError(
                f"{root} is imported already, from {getattr(sys.modules[root], '__file__', '?')}: call "
                "nbagents.compat.autogen.install() before anything imports it"
            )
    sys.meta_path.insert(0, _finder)
    name_providers(_autogen_provider)
    loggers = logging.Logger.manager.loggerDict
    for theirs, ours in autogen_names.LOGGERS.items():
        loggers.setdefault(theirs, logging.getLogger(ours))


def uninstall() -> None:
    """Undo `install`; what was imported meanwhile goes on working."""
    if not installed():
        return
    sys.meta_path.remove(_finder)
    for name in [name for name, module in sys.modules.items() if isinstance(module, AliasModule)]:
        del sys.modules[name]
    name_providers(None)
    loggers = logging.Logger.manager.loggerDict
    for theirs, ours in autogen_names.LOGGERS.items():
        if loggers.get(theirs) is logging.getLogger(ours):
            del loggers[theirs]


def installed() -> bool:
    """True between `install` and `uninstall`."""
    return _finder in sys.meta_path


def load_ipython_extension(ip: InteractiveShell) -> None:
    """``%load_ext nbagents.compat.autogen``"""
    install()


def unload_ipython_extension(ip: InteractiveShell) -> None:
    """``%unload_ext nbagents.compat.autogen``"""
    uninstall()


def _autogen_provider(kind: type) -> str | None:
    """AutoGen's name of one of our classes."""
    for name, place in autogen_names.theirs(kind.__name__):
        if kind.__module__.startswith("nbagents.") and getattr(importlib.import_module(place), kind.__name__) is kind:
            return name
    return None


def _holders(module: str, name: str) -> list[tuple[ModuleType, str]]:
    """Where a name is looked up here: in the package that exports it, and in the module that defines it.

    It is found out once, while everything stands as it was written: what is set for a test says no more where it was.
    """
    if (place := autogen_names.names(module).get(name)) is None:
        return []
    public = autogen_names.public_module(module)
    if (public, name) not in _homes:
        package, ours = importlib.import_module(place[0]), place[1]
        defining = sys.modules.get(getattr(getattr(package, ours), "__module__", None) or "")
        holders = [package]
        if defining not in (None, package) and vars(defining).get(ours) is getattr(package, ours):
            holders.append(defining)
        _homes[public, name] = [(holder, ours) for holder in holders]
    return _homes[public, name]
