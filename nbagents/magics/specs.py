"""What the cells say of agents and teams, before anything is built from it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..errors import ConfigurationError, UnknownNameError
from ..executors.docker.container_spec import ContainerOptions
from ..models.names import split_names
from ..runtime import Budget

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
