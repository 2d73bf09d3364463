"""Completes what may stand on a line of ours: commands, flags, names of agents, teams, runs and variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..models.keys import VARIABLES
from .agent_magic import AGENT
from .agent_magic import COMMANDS as AGENTS_COMMANDS
from .arguments import Command
from .session import Session
from .specs import YOU
from .team_commands import COMMANDS

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext

LINE = re.compile(r"^\s*(?:[\w.]+\s*=\s*)?%{1,2}(?P<magic>team|agents|agent)(?P<rest>\s.*)?$")


def completer(session: Session, namespace: Callable[[], Iterable[str]]) -> Callable[[CompletionContext], Any]:
    """A matcher for ``ip.Completer.custom_matchers``."""
    from IPython.core.completer import SimpleCompletion, context_matcher

    @context_matcher()  # type: ignore[untyped-decorator]  # IPython's decorator has no types
    def nbagents_matcher(context: CompletionContext) -> Any:
        line = context.full_text.split("\n")[context.cursor_line][: context.cursor_position]
        words = [word for word in suggestions(line, session, namespace) if word.startswith(context.token)]
        return {
            "completions": [SimpleCompletion(text=word, type="nbagents") for word in words],
            "suppress": bool(words),
            "ordered": True,
        }

    matcher: Callable[[CompletionContext], Any] = nbagents_matcher
    return matcher


def suggestions(line: str, session: Session, namespace: Callable[[], Iterable[str]]) -> list[str]:
    """The words that may stand at the end of `line`, whatever has been typed of them."""
    match = LINE.match(line)
    if match is None or match["rest"] is None:
        return []
    words = match["rest"].split()
    typed = [] if match["rest"][-1:].isspace() else words[-1:]
    before = words[: len(words) - len(typed)]
    if match["magic"] == "agents":
        return sorted(VARIABLES) if before == ["key"] else [] if before else [*sorted(session.agents), *AGENTS_COMMANDS]
    if match["magic"] == "agent":
        return _after(AGENT, before, []) if before else []
    if not before:
        return list(COMMANDS)
    return _of_command(before[0], before[1:], session, namespace)


def _of_command(verb: str, before: list[str], session: Session, namespace: Callable[[], Iterable[str]]) -> list[str]:
    command = COMMANDS.get(verb)
    if command is None:
        return []
    if verb == "run":
        if before and before[-1] == "--use":
            return sorted(name for name in namespace() if not name.startswith("_"))
        return _after(command, before, [*session.teams, *session.agents] if not before else [])
    if verb == "create":
        return _after(command, before, [*session.agents, YOU] if before else [])
    return _after(command, before, list(session.runs) if not before else [])


def _after(command: Command, before: list[str], names: list[str]) -> list[str]:
    flags = {f"--{flag.name}": flag for flag in command.flags}
    last = flags.get(before[-1]) if before else None
    if last is not None and last.takes != "nothing":
        return list(last.choices)
    return [*names, *(flag for flag in flags if flag not in before)]
