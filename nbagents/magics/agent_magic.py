"""``%%agent NAME``: a cell defines an agent. ``%agents``: which there are, and what they need."""

from __future__ import annotations

from difflib import get_close_matches

from ..errors import ConfigurationError, UnknownNameError
from .agents_check import check
from .agents_key import set_key
from .arguments import Command, Flag
from .cards import Card, Table
from .front_matter import parse, split
from .session import Session
from .settings import AUTO, CODE_TARGETS, NBAgents
from .spec_values import AGENT_KEYS, flag_value
from .specs import AgentSpec

AGENT = Command(
    "%%agent NAME",
    "Defines an agent: flags or YAML front matter between --- lines, then its instructions as text.",
    words=("NAME",),
    flags=(
        Flag(
            "model",
            "who answers; after a comma who stands in where it does not",
            value="PROVIDER/NAME",
        ),
        Flag("code", "where its code runs", choices=CODE_TARGETS),
        Flag("base-url", "server of an openai/... model that is not OpenAI's", value="URL"),
        Flag("temperature", "how freely the model chooses its words", value="NUMBER"),
        Flag("description", "what the agent is for, as the others read it", value="TEXT"),
    ),
)

AGENTS = Command(
    "%agents [NAME|check|doctor|key PROVIDER]",
    "Shows the agents of this notebook, or one of them; check: what is set and what is missing; doctor: what is there "
    "to run them; key: asks for a key.",
    more_words=True,
)

COMMANDS = ("check", "doctor", "key")
"""What may stand after ``%agents`` besides the name of an agent."""


def define_agent(session: Session, settings: NBAgents, line: str, body: str | None) -> Card:
    """``%%agent``

    Raises:
        ConfigurationError: what the cell says cannot be used.
    """
    arguments = AGENT.parse(line)
    if body is None:
        raise ConfigurationError("%%agent is a cell magic: write %%agent with two % and the instructions below it")
    if arguments.words[0] in COMMANDS:
        raise ConfigurationError(
            f"agent {arguments.words[0]!r}: %agents {arguments.words[0]} is a command, and could not show this agent: "
            "choose another name"
        )
    yaml, instructions, first_line = split(body)
    values = parse(yaml, first_line, AGENT_KEYS)
    for flag, value in arguments.values.items():
        values[flag.replace("-", "_")] = flag_value(AGENT_KEYS, flag, value)
    spec = AgentSpec(name=arguments.words[0], instructions=instructions.strip(), **values)
    state = session.define_agent(spec)
    card = agent_card(spec, settings)
    return Card(card.title, [*card.facts, *([state] if state != "new" else [])], card.body)


def show_agents(session: Session, settings: NBAgents, line: str) -> Card | Table:
    """``%agents``

    Raises:
        UnknownNameError: there is no agent of that name.
    """
    words = AGENTS.parse(line).words
    if words[:1] == ["key"]:
        return set_key(" ".join(words[1:]))
    if len(words) > 1:
        raise ConfigurationError(f"%agents: {words[1]!r} is one word too many; usage: {AGENTS.usage}")
    if words == ["check"]:
        return check(session, settings)
    if words == ["doctor"]:
        return doctor_table()
    if words:
        if words[0] not in session.agents and get_close_matches(words[0], COMMANDS, 1):
            raise UnknownNameError("agent", words[0], [*session.agents, *COMMANDS])
        return agent_card(session.agent(words[0]), settings)
    return agents_table(session, settings)


def agents_table(session: Session, settings: NBAgents) -> Table:
    """The agents of this notebook."""
    rows = [
        [
            spec.name,
            spec.model or settings.model or "none yet",
            _code(spec, settings),
            _teams_of(session, spec.name),
        ]
        for spec in session.agents.values()
    ]
    return Table(["agent", "model", "code", "teams"], rows, empty="no agents yet: define one in a cell, %%agent NAME")


def doctor_table() -> Table:
    """What is there, and how to get what is not."""
    from ..doctor import examined

    checks = examined()
    rows = [["ok" if check.ok else "missing", check.name, check.found, check.advice] for check in checks]
    return Table(["", "check", "found", "how to get it"], rows)


def agent_card(spec: AgentSpec, settings: NBAgents) -> Card:
    """The agent in a few words."""
    model = spec.model or settings.model or "no model yet"
    count = len(spec.instructions.split())
    words = "1 word" if count == 1 else f"{count} words"
    return Card(
        f"agent {spec.name}",
        [model, f"code: {_code(spec, settings)}", *_loosened(spec, settings), words, f"sha {spec.digest}"],
        spec.instructions,
    )


def _code(spec: AgentSpec, settings: NBAgents) -> str:
    target = spec.code or settings.code
    return "docker if it is there" if target == AUTO else target


def _loosened(spec: AgentSpec, settings: NBAgents) -> list[str]:
    """What its container may do beyond what is usual; nothing where its code runs in none."""
    return spec.options.loosened if (spec.code or settings.code) in (AUTO, "docker") else []


def _teams_of(session: Session, agent: str) -> str:
    return ", ".join(team.name for team in session.teams.values() if agent in team.agents)
