"""What the cells say of agents and teams, before anything is built from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..errors import ConfigurationError, UnknownNameError
from ..executors.docker.container_spec import ContainerOptions
from ..models.names import split_names
from ..runtime import Budget
from .settings import CODE_TARGETS

YOU = "you"
"""The person at the notebook, as a team names them."""

FLOWS = ("round_robin",)


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """One agent as its cell describes it; "" and None stand for the setting."""

    name: str
    instructions: str
    model: str = ""
    base_url: str | None = None
    temperature: float | None = None
    code: str = ""
    description: str = ""
    sandbox: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_identifier("agent", self.name)
        if self.name in (YOU, "user"):
            raise ConfigurationError(f"agent {self.name!r}: this name means the person at the notebook, choose another")
        if self.model:
            split_names(self.model)

    @property
    def options(self) -> ContainerOptions:
        """What its container may do where its code runs in one; `loosened` says what is looser than usual."""
        return ContainerOptions.from_dict(self.sandbox)

    @property
    def digest(self) -> str:
        """The first 8 hexadecimal digits of the SHA-256 of the whole description."""
        return _digest(self)


@dataclass(frozen=True, slots=True)
class TeamSpec:
    """One team as its cell describes it; None stands for the setting."""

    name: str
    agents: tuple[str, ...]
    flow: str = "round_robin"
    stop: str = ""
    max_messages: int | None = None
    max_turns: int | None = None
    budget: Budget | None = None

    def __post_init__(self) -> None:
        _check_identifier("team", self.name)
        if not self.agents:
            raise ConfigurationError(f"team {self.name!r} has no agents: name at least one")
        if len(set(self.agents)) != len(self.agents):
            raise ConfigurationError(f"team {self.name!r} names an agent twice: each takes part once")
        if self.flow not in FLOWS:
            raise UnknownNameError("flow", self.flow, FLOWS)

    @property
    def digest(self) -> str:
        """The first 8 hexadecimal digits of the SHA-256 of the whole description."""
        return _digest(self)


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
    return ", ".join(names(value))


def count(value: Any) -> int:
    """A checked number of things, at least one."""
    try:
        number = int(value) if not isinstance(value, bool) else 0
    except (TypeError, ValueError):
        number = 0
    if number < 1 or str(number) != str(value):
        raise ValueError(f"expected a whole number of at least 1, not {value!r}")
    return number


def number(value: Any) -> float:
    """A checked number."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"expected a number, not {value!r}") from None


def budget(value: Any) -> Budget:
    """A checked budget: words as in ``0.50usd 12turns``, or a mapping as in ``{usd: 0.50, turns: 12}``."""
    try:
        if not isinstance(value, Mapping):
            return Budget.parse(str(value))
        limits = {str(name): float(number) for name, number in value.items()}
        return Budget.parse([f"{number:f}{BUDGET_UNITS[name]}" for name, number in limits.items()])
    except KeyError as error:
        raise ValueError(str(UnknownNameError("limit", str(error.args[0]), BUDGET_UNITS))) from None
    except (ConfigurationError, TypeError, ValueError) as error:
        raise ValueError(str(error)) from None


BUDGET_UNITS = {"usd": "usd", "tokens": "tokens", "turns": "turns", "minutes": "min"}


def sandbox(value: Any) -> dict[str, Any]:
    """Checked options of a container."""
    if not isinstance(value, Mapping):
        raise ValueError(f"expected options, as in {{network: bridge, memory: 2g}}, not {value!r}")
    options: dict[str, Any] = json.loads(json.dumps(value))  # ruamel's kinds of mappings and lists as plain ones
    try:
        ContainerOptions.from_dict(options)
    except (ConfigurationError, TypeError) as error:
        raise ValueError(str(error)) from None
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
    "base_url": text,
    "temperature": number,
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


def _check_identifier(kind: str, name: str) -> None:
    if not name.isidentifier():
        raise ConfigurationError(f"{kind} name {name!r}: expected letters, digits and _, not beginning with a digit")


def _digest(spec: AgentSpec | TeamSpec) -> str:
    import rfc8785

    said = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(spec).items()}
    # What came later and says nothing does not change the digest of a text that was there before.
    said = {key: value for key, value in said.items() if value != {} and (key, value) != ("budget", None)}
    canonical = rfc8785.dumps(said)
    return hashlib.sha256(canonical).hexdigest()[:8]
