"""What this kernel knows: the agents and teams that cells defined, and the runs that they started."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ..errors import ConfigurationError, UnknownNameError
from .notebook_run import NotebookRun
from .specs import YOU, AgentSpec, TeamSpec

T = TypeVar("T")


class Session:
    """The agents, teams and runs of one kernel, by name."""

    def __init__(self) -> None:
        self.agents: dict[str, AgentSpec] = {}
        self.teams: dict[str, TeamSpec] = {}
        self.runs: dict[str, NotebookRun] = {}

    def define_agent(self, spec: AgentSpec) -> str:
        """Keep an agent; returns "new", "unchanged" or "changed"."""
        return _keep(self.agents, spec.name, spec)

    def define_team(self, spec: TeamSpec) -> str:
        """Keep a team; returns "new", "unchanged" or "changed".

        Raises:
            UnknownNameError: it names an agent that no cell has defined.
        """
        for name in spec.agents:
            if name != YOU:
                self.agent(name)
        return _keep(self.teams, spec.name, spec)

    def agent(self, name: str) -> AgentSpec:
        """The agent called `name`.

        Raises:
            UnknownNameError: there is none.
        """
        return _found("agent", self.agents, name, "define it in a cell: %%agent NAME")

    def team(self, name: str) -> TeamSpec:
        """The team called `name`; an agent's name means the agent alone.

        Raises:
            UnknownNameError: there is neither.
        """
        if name in self.agents and name not in self.teams:
            return TeamSpec(name=name, agents=(name,), max_turns=1)
        return _found("team", self.teams, name, "define it in a cell: %%team create NAME")

    def run(self, name: str) -> NotebookRun:
        """The run called `name`; "" is the one that waits for a person, else the newest.

        Raises:
            UnknownNameError: there is none of that name.
            ConfigurationError: there is none at all.
        """
        if name:
            return _found("run", self.runs, name, "start it in a cell: %%team run TEAM")
        newest = list(self.runs.values())[::-1]
        if not newest:
            raise ConfigurationError("no run was started yet: start one in a cell, %%team run TEAM")
        return next((run for run in newest if run.status == "waiting"), newest[0])


def _keep(known: dict[str, T], name: str, spec: T) -> str:
    before = known.get(name)
    known[name] = spec
    return "new" if before is None else "unchanged" if before == spec else "changed"


def _found(kind: str, known: Mapping[str, T], name: str, advice: str) -> T:
    try:
        return known[name]
    except KeyError:
        raise UnknownNameError(kind, name, known, advice) from None
