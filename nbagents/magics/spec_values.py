"""The keys of front matter and YAML, which are the flags too, each with the check of its value.

A check takes what YAML or a flag says and returns what a spec keeps, or raises ValueError with what was expected.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import ConfigurationError, UnknownNameError
from ..executors.docker.container_spec import ContainerOptions
from ..runtime import Budget
from .settings import CODE_TARGETS


def text(value: Any) -> str:
    """A checked string."""
    if not isinstance(value, str):
        raise ValueError(f"expected a text, not {value!r}; put it into quotes")
    return str(value)


def names(value: Any) -> tuple[str, ...]:
    """A checked list of names; one name alone is a list of one."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, Sequence) or not all(isinstance(name, str) for name in listed):
        raise ValueError(f"expected a list of names, as in [analyst, critic], not {value!r}")
    return tuple(str(name) for name in listed)


def models(value: Any) -> str:
    """A checked model, or several in the order in which they are asked, as one text."""
    try:
        return ", ".join(names(value))
    except ValueError:
        raise ValueError(f"expected provider/name, or a list of such, not {value!r}") from None


def count(value: Any) -> int:
    """A checked number of things, at least one."""
    try:
        number = int(value) if not isinstance(value, bool) else 0
    except (TypeError, ValueError):
        number = 0
    if number < 1 or str(number) != str(value):
        raise ValueError(f"expected a whole number of at least 1, not {value!r}")
    return number


def temperature(value: Any) -> float:
    """A checked temperature: a number from 0 on, which each model bounds in its own way."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise ValueError(f"expected a number from 0 on, as 0.2, not {value!r}")
    return number


def address(value: Any) -> str:
    """A checked address of a server."""
    if not re.match(r"https?://[^\s/]", str(value), re.I):
        raise ValueError(f"expected an address as http://127.0.0.1:8000/v1, not {value!r}")
    return text(value)


def budget(value: Any) -> Budget:
    """A checked budget: words as in ``0.50usd 12turns``, or a mapping as in ``{usd: 0.50, turns: 12}``."""
    try:
        return Budget.parse([_limit(*limit) for limit in value.items()] if isinstance(value, Mapping) else str(value))
    except ConfigurationError as error:
        raise ValueError(str(error)) from None


def _limit(name: Any, value: Any) -> str:
    """One limit of a mapping in a word, as 12turns."""
    if name not in BUDGET_UNITS:
        raise UnknownNameError("limit", str(name), BUDGET_UNITS)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ConfigurationError(f"{name}: expected a number above 0, not {value!r}")
    if name in ("turns", "tokens") and value != int(value):
        raise ConfigurationError(f"{name}: expected a whole number, not {value!r}")
    return f"{value:f}{BUDGET_UNITS[name]}"


BUDGET_UNITS = {"usd": "usd", "tokens": "tokens", "turns": "turns", "minutes": "min"}


def sandbox(value: Any) -> dict[str, Any]:
    """Checked options of a container."""
    if not isinstance(value, Mapping):
        raise ValueError(f"expected options, as in {{network: bridge, memory: 2g}}, not {value!r}")
    options: dict[str, Any] = json.loads(json.dumps(value))  # ruamel's kinds of mappings and lists as plain ones
    try:
        ContainerOptions.from_dict(options)
    except ConfigurationError as error:
        raise ValueError(str(error)) from None
    except TypeError:
        raise ValueError(f"expected options, as in {{network: bridge, memory: 2g}}, not {options!r}") from None
    return options


def one_of(*words: str) -> Callable[[Any], str]:
    """A check that a value is one of `words`."""

    def check(value: Any) -> str:
        if value not in words:
            raise ValueError(str(UnknownNameError("value", str(value), words)))
        return str(value)

    return check


AGENT_KEYS: Mapping[str, Callable[[Any], Any]] = {
    "model": models,
    "base_url": address,
    "temperature": temperature,
    "code": one_of(*CODE_TARGETS),
    "description": text,
    "sandbox": sandbox,
}

TEAM_KEYS: Mapping[str, Callable[[Any], Any]] = {
    "agents": names,
    "flow": text,
    "stop": text,
    "max_messages": count,
    "max_turns": count,
    "budget": budget,
}


def flag_value(keys: Mapping[str, Callable[[Any], Any]], flag: str, value: str) -> Any:
    """The checked value of a flag that says what a key of `keys` says.

    Raises:
        ConfigurationError: it does not fit.
    """
    try:
        return keys[flag.replace("-", "_")](value)
    except ValueError as error:
        raise ConfigurationError(f"--{flag}: {error}") from None
