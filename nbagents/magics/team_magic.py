"""``%team`` and ``%%team``: define teams, and act on runs. Running one is in `run_cell`.

Every button of a run's widget has its twin here, for front ends without widgets and for screen readers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..errors import ConfigurationError, RunNotFinished
from ..kernel.capture import inside_block
from ..runtime import Answer, Budget, Question, Run
from ..widgets.static import bundle
from ..widgets.transcript import Transcript
from ..widgets.wording import plural
from .arguments import Arguments
from .cards import Card
from .front_matter import parse
from .session import Session
from .settings import NBAgents
from .spec_values import TEAM_KEYS, flag_value
from .specs import TeamSpec
from .team_commands import COMMANDS, CREATE


class TeamMagic:
    """The commands of ``%team`` but for ``run``."""

    def __init__(self, session: Session, settings: NBAgents) -> None:
        self._session, self._settings = session, settings
        self._commands: dict[str, Callable[[Arguments], Any]] = {
            "show": self._show,
            "stop": self._stop,
            "approve": self._approve,
            "reject": self._reject,
            "reply": self._reply,
        }

    def __call__(self, verb: str, line: str, body: str | None) -> Any:
        """Carry out one command.

        Raises:
            ConfigurationError: what the line or the cell says cannot be used.
        """
        if verb == "create":
            return self._create(line, body)
        if body is not None:
            raise ConfigurationError(
                f"%%team {verb}: this command takes no cell below it: write %team {verb} with one %"
            )
        return self._commands[verb](COMMANDS[verb].parse(line))

    def _create(self, line: str, body: str | None) -> Card:
        arguments = CREATE.parse(line)
        values = parse(body or "", 2, TEAM_KEYS)
        if len(arguments.words) > 1:
            values["agents"] = tuple(arguments.words[1:])
        for flag, value in arguments.values.items():
            values[flag.replace("-", "_")] = flag_value(TEAM_KEYS, flag, value)
        if "budget" in arguments.names:
            values["budget"] = Budget.parse(arguments.names["budget"])
        spec = TeamSpec(name=arguments.words[0], **{"agents": (), **values})
        state = self._session.define_team(spec)
        return team_card(spec, self._settings, state)

    def _show(self, arguments: Arguments) -> Shown:
        return Shown(self._run_of(arguments))

    def _stop(self, arguments: Arguments) -> Card:
        run = self._run_of(arguments)
        if run.ended and run.status != "paused":
            return _said(f"run {run.name!r} has ended already ({run.status})")
        run.stop()
        return _said(f"stopping {run.name!r}")

    def _approve(self, arguments: Arguments) -> Card:
        run = self._run_of(arguments)
        return self._answer(run, Answer("allow" if "all" in arguments.switches else "run", channel="magic"))

    def _reject(self, arguments: Arguments) -> Card:
        return self._answer(self._run_of(arguments), Answer("reject", text=arguments.rest, channel="magic"))

    def _reply(self, arguments: Arguments) -> Card:
        if not arguments.rest:
            raise ConfigurationError("%team reply RUN TEXT: the text is missing")
        return self._answer(self._run_of(arguments), Answer("reply", text=arguments.rest, channel="magic"))

    def _run_of(self, arguments: Arguments) -> Run:
        return self._session.run(arguments.words[0] if arguments.words else "")

    def _answer(self, run: Run, answer: Answer) -> Card:
        if inside_block():
            raise ConfigurationError("an agent's block cannot answer a question that is put to a person")
        question = run.answer_question(answer)
        if question is None:
            raise RunNotFinished(f"run {run.name!r} asks nothing at the moment (it is {run.status})")
        return _said(f"run {run.name!r}: {_DECIDED[answer.decision].format(asked=_asked(run, question))}")


_DECIDED = {
    "run": "{asked} is approved",
    "allow": "{asked} is approved, and all further ones",
    "reject": "{asked} is refused",
    "reply": "your reply is on its way",
}


def _asked(run: Run, question: Question) -> str:
    """What a question is about, as the screen calls it."""
    blocks = Transcript.of(run.journal.entries).blocks
    block = next((f"block {block.number} of " for block in blocks if block.question == question.id), "")
    return f"{block}{question.agent}"


class Shown:
    """A run's transcript as far as it is, as a value that a notebook shows."""

    def __init__(self, run: Run) -> None:
        self._bundle = bundle(Transcript.of(run.journal.entries))

    def __repr__(self) -> str:
        return self._bundle["text/plain"]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self._bundle


def team_card(spec: TeamSpec, settings: NBAgents, state: str = "new") -> Card:
    """The team in a few words."""
    until = f"until {spec.stop}" if spec.stop else "until the last turn"
    budget = spec.budget or Budget()
    limits = [f"at most {plural(min(spec.max_turns or settings.max_turns, budget.turns or sys.maxsize), 'turn')}"]
    if spec.max_messages:
        limits.append(f"at most {plural(spec.max_messages, 'message')}")
    if (rest := replace(budget, turns=None)) != Budget():
        limits.append(f"budget {rest}")
    changed = [state] if state != "new" else []
    return Card(f"team {spec.name}", [f"{' → '.join(spec.agents)} ↺ {until}", *limits, f"sha {spec.digest}", *changed])


def _said(text: str) -> Card:
    return Card(text, [])
