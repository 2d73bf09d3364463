"""How a text becomes a vector: a function of the user's, which a configuration names and never carries.

A configuration says ``module:function``. Loading it calls nothing; but what is named is called later, with texts that
others wrote. So only a function that its module itself defines is taken, and the module must be one that the user has
allowed by name, or the program's own.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from ..component import check_allowed
from ..errors import ConfigurationError

Vectors = Sequence[Sequence[float]]
Embed = Callable[[Sequence[str]], Vectors | Awaitable[Vectors]]
"""Turns texts into vectors of equal length, one each; a function that is not async runs in a thread."""

OWN = "__main__"


def named(embed: Embed) -> str:
    """The name of a function, as a configuration says it.

    Raises:
        ConfigurationError: it has none by which it could be found again.
    """
    if not inspect.isfunction(embed) or "<" in embed.__qualname__:
        raise ConfigurationError(
            f"a memory with {embed!r} cannot be saved: its embed must be a function at the top level of a module"
        )
    return f"{embed.__module__}:{embed.__qualname__}"


def found(name: str) -> Embed:
    """The function that a configuration names.

    Raises:
        UntrustedProvider: its module is not allowed.
        ConfigurationError: there is no such function.
    """
    module, _, function = name.partition(":")
    if module.partition(".")[0] == "nbagents":
        raise ConfigurationError(f"embed {name!r} is none of yours: name a function of your own as module:function")
    if module != OWN:
        check_allowed(module, name)
    embed = getattr(importlib.import_module(module), function, None)
    if not inspect.isfunction(embed) or embed.__module__ != module:
        raise ConfigurationError(f"embed {name!r} is no function that {module!r} defines: expected module:function")
    return cast(Embed, embed)
