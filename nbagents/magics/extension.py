"""``%load_ext nbagents`` and ``%unload_ext nbagents``: everything that is registered, and its undoing."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from IPython.core.magic import no_var_expand
from traitlets import TraitError

from .. import __version__
from ..errors import ConfigurationError, NBAgentsError
from ..io_thread import io_loop
from ..kernel.cells_in_flight import CellsInFlight
from ..kernel.comm_tap import CommTap
from ..kernel.supported import check_kernel
from ..models.keys import VARIABLES
from ..runtime import Redactor
from . import run_syntax
from .agent_magic import AGENT, AGENTS, define_agent, show_agents
from .arguments import verb_of
from .completion import completer
from .run_cell import RunCell
from .session import Session
from .settings import AUTO, NBAgents
from .team_commands import COMMANDS, help_text
from .team_magic import TeamMagic

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

CODE_WORDS = {
    AUTO: "docker, else not run",
    "none": "shown, not run",
    "live": "live, after your approval",
    "docker": "docker, after your approval",
}

LOADED = "_nbagents_extension"
"""The attribute of the shell that holds what was registered."""


class Extension:
    """What nbagents is in one kernel."""

    def __init__(self, ip: InteractiveShell) -> None:
        self._ip = ip
        self.session = Session()
        self.settings = NBAgents.instance(parent=ip)
        self._teams = TeamMagic(self.session, self.settings)
        self._run_cell = RunCell(self.session, self.settings, ip.user_ns)
        self._matcher = completer(self.session, lambda: ip.user_ns)

    def register(self) -> None:
        """Make the magics known."""
        ip: Any = self._ip
        check_kernel(getattr(ip, "kernel", None))
        for function, kind, name in self._magics():
            ip.register_magic_function(function, kind, name)
        run_syntax.install(ip)
        ip.Completer.custom_matchers.append(self._matcher)
        ip.configurables.append(self.settings)

    def unregister(self) -> None:
        """Undo `register`. Runs that are going on are stopped."""
        ip: Any = self._ip
        for run in self.session.runs.values():
            run.stop("%unload_ext")
        for _, kind, name in self._magics():
            for part in ("line", "cell") if kind == "line_cell" else (kind,):
                ip.magics_manager.magics[part].pop(name, None)
            vars(ip.magics_manager.user_magics).pop(name, None)
        run_syntax.uninstall(ip)
        ip.Completer.custom_matchers.remove(self._matcher)
        ip.configurables.remove(self.settings)
        NBAgents.clear_instance()
        kernel = getattr(ip, "kernel", None)
        if kernel is not None:
            CommTap.of(kernel).uninstall()
        CellsInFlight.of(ip).uninstall()
        _close_ready_containers()

    def status(self) -> str:
        """One line on what is set: the answer to "what will happen when I run this?"."""
        model = self.settings.model or "none set"
        keys = [provider for provider, names in VARIABLES.items() if any(map(os.environ.get, names))]
        code = CODE_WORDS[self.settings.code]
        told = [f"nbagents {__version__}", f"model: {model}", *([f"keys: {', '.join(keys)}"] if keys else [])]
        return " · ".join([*told, f"code: {code}", f"journals: {self.settings.journals}/"])

    def _magics(self) -> list[tuple[Any, str, str]]:
        return [
            (self._agent, "line_cell", "agent"),
            (self._agents, "line", "agents"),
            (self._team, "line_cell", "team"),
        ]

    @property
    def _agent(self) -> Any:
        @no_var_expand
        def agent(line: str, cell: str | None = None) -> Any:
            return define_agent(self.session, self.settings, line, cell)

        agent.__doc__ = AGENT.described()
        return agent

    @property
    def _agents(self) -> Any:
        @no_var_expand
        def agents(line: str) -> Any | Awaitable[Any]:
            if line.split() in (["check"], ["doctor"]):
                # In a thread, which `run_syntax` awaits: runs that were detached go on while something does not answer.
                return asyncio.to_thread(show_agents, self.session, self.settings, line)
            return show_agents(self.session, self.settings, line)

        agents.__doc__ = AGENTS.described()
        return agents

    @property
    def _team(self) -> Any:
        @no_var_expand
        def team(line: str, cell: str | None = None) -> Any | Awaitable[Any]:
            verb, rest = verb_of(line, list(COMMANDS), "%team")
            if verb == "run":
                return self._run_cell(rest, cell)
            if verb == "resume" and cell is None:
                return self._run_cell.resume(rest)
            return self._teams(verb, rest, cell)

        team.__doc__ = help_text()
        return team


def _close_ready_containers() -> None:
    """End them in the background; they end with the process anyhow."""
    docker_kernel = sys.modules.get("nbagents.executors.docker_kernel")
    if docker_kernel is not None:
        asyncio.run_coroutine_threadsafe(docker_kernel.close_warm(), io_loop())


def load(ip: InteractiveShell) -> None:
    """Register nbagents in `ip`; a second time does nothing."""
    if getattr(ip, LOADED, None) is not None:
        return
    try:
        extension = Extension(ip)
    except TraitError as error:
        raise ConfigurationError(f"a config file, or the command line, says what cannot be used: {error}") from None
    try:
        extension.register()
    except NBAgentsError:
        NBAgents.clear_instance()
        raise
    setattr(ip, LOADED, extension)
    print(Redactor.from_environment().without_values(extension.status()))


def unload(ip: InteractiveShell) -> None:
    """Take nbagents out of `ip`."""
    extension = getattr(ip, LOADED, None)
    if extension is not None:
        extension.unregister()
        setattr(ip, LOADED, None)
