"""``%team`` and ``%%team``: define teams, and act on runs. Running one is in `run_cell`.

Every button of a run's widget has its twin here, for front ends without widgets and for screen readers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import ConfigurationError, RunNotFinished
from ..kernel.capture import inside_block
from ..runtime import Answer, Budget, Run
from ..widgets.static import bundle
from ..widgets.transcript import Transcript
from .arguments import Arguments, Command, Flag
from .cards import Card
from .front_matter import parse
from .session import Session
from .settings import CODE_TARGETS, NBAgents
from .specs import FLOWS, TEAM_KEYS, TeamSpec

BUDGET = Flag("budget", "what a run may spend, as in 0.50usd,200k,12turns,10min", takes="names")

CREATE = Command(
    "%team create NAME A B ...",
    "Defines a team of agents; `you` is the person at the notebook. As a cell, %%team create NAME with YAML below.",
    words=("NAME",),
    more_words=True,
    flags=(
        Flag("flow", "who speaks next", choices=FLOWS),
        Flag("stop", "the text that ends the conversation"),
        Flag("max-turns", "turns after which a run ends"),
        Flag("max-messages", "messages after which a run ends"),
        BUDGET,
    ),
)

RUN_FLAGS = (
    Flag("as", "name of the run, and of the variable that holds it"),
    Flag("use", "variables that the agents are told of: names, shapes and columns, never rows", takes="names"),
    Flag("code", "where code runs in this run, whatever the agents say", choices=CODE_TARGETS),
    BUDGET,
    Flag("approve", "ask before each block, or run them always", choices=("ask", "always")),
    Flag("detach", "end the cell at once and let the run go on", takes="nothing"),
)
RUN = Command(
    "%team run TEAM",
    "Runs a team; the task is the rest of the line, or the cell below.",
    ("TEAM",),
    RUN_FLAGS,
    rest="TASK",
)

SHOW = Command("%team show [RUN]", "Shows a run as far as it is.", more_words=True)
STOP = Command("%team stop [RUN]", "Stops a run and everything in it.", more_words=True)
APPROVE = Command(
    "%team approve [RUN]",
    "Runs the block that waits.",
    more_words=True,
    flags=(Flag("all", "and all further blocks of this agent in this run", takes="nothing"),),
)
REJECT = Command("%team reject RUN", "Refuses the block that waits; the agent is told why.", ("RUN",), rest="REASON")
REPLY = Command("%team reply RUN", "Answers the agent that waits for you.", ("RUN",), rest="TEXT")

COMMANDS = {
    "create": CREATE, "run": RUN, "show": SHOW, "stop": STOP, "approve": APPROVE, "reject": REJECT, "reply": REPLY,
}  # fmt: skip


def help_text() -> str:
    """All commands with their flags: the docstring of ``%team``."""
    return "Teams of agents and their runs.\n\n" + "\n\n".join(command.described() for command in COMMANDS.values())


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
            values[flag.replace("-", "_")] = _flag_value(flag, value)
        if "budget" in arguments.names:
            values["budget"] = Budget.parse(arguments.names["budget"])
        spec = TeamSpec(name=arguments.words[0], **{"agents": (), **values})
        state = self._session.define_team(spec)
        return team_card(spec, self._settings, state)

    def _show(self, arguments: Arguments) -> Shown:
        return Shown(self._run_of(arguments))

    def _stop(self, arguments: Arguments) -> Card:
        run = self._run_of(arguments)
        if run.ended:
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
        return _said(f"{question.id} of {question.agent} in {run.name!r}: {answer.decision}")


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
    limits = [f"at most {spec.max_turns or settings.max_turns} turns"]
    if spec.max_messages:
        limits.append(f"at most {spec.max_messages} messages")
    if spec.budget:
        limits.append(f"budget {spec.budget}")
    changed = [state] if state != "new" else []
    return Card(f"team {spec.name}", [f"{' → '.join(spec.agents)} ↺ {until}", *limits, f"sha {spec.digest}", *changed])


def _flag_value(flag: str, value: str) -> Any:
    try:
        return TEAM_KEYS[flag.replace("-", "_")](value)
    except ValueError as error:
        raise ConfigurationError(f"--{flag}: {error}") from None


def _said(text: str) -> Card:
    return Card(text, [])
