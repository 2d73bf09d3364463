"""Agents and teams as cells define them."""

from __future__ import annotations

from contextvars import copy_context
from typing import Any

import pytest
from traitlets import TraitError
from traitlets.config import Config, Configurable

from nbagents.agents import UserProxyAgent
from nbagents.errors import ConfigurationError, NoModelError, RunNotFinished, UnknownNameError
from nbagents.kernel.capture import CAPTURE, Capture
from nbagents.magics import code_place
from nbagents.magics.agent_magic import define_agent, show_agents
from nbagents.magics.building import TeamBuilder
from nbagents.magics.extension import load
from nbagents.magics.session import Session
from nbagents.magics.settings import NBAgents
from nbagents.magics.specs import AgentSpec, TeamSpec
from nbagents.magics.team_magic import TeamMagic
from nbagents.runtime import Budget, Gate, Run
from nbagents.teams import RoundRobinGroupChat

ANALYST = "---\nmodel: local/a   # a comment\ncode: live\n---\nYou are careful. {} $x$\n"


@pytest.fixture
def session() -> Session:
    return Session()


@pytest.fixture
def settings() -> NBAgents:
    return NBAgents()


def test_front_matter_and_instructions(session: Session, settings: NBAgents) -> None:
    card = define_agent(session, settings, "analyst", ANALYST)
    assert session.agents["analyst"] == AgentSpec("analyst", "You are careful. {} $x$", model="local/a", code="live")
    assert repr(card).startswith("agent analyst · local/a · code: live · 5 words · sha ")


SANDBOX = """---
model: local/a
code: docker
sandbox:
  memory: 3g
  network: bridge
  mounts: [{source: /data, target: /data}]
---
You.
"""


def test_what_is_looser_in_a_container_is_said_on_the_card(session: Session, settings: NBAgents) -> None:
    card = repr(define_agent(session, settings, "analyst", SANDBOX))
    assert "network bridge: code can send what it sees to other machines" in card
    assert "code can read /data of this machine, at /data" in card
    assert "memory 3g instead of 2g" in card
    assert session.agents["analyst"].options.mounts[0].read_only
    live = repr(define_agent(session, settings, "analyst --code live", SANDBOX))
    assert "network" not in live.partition("You.")[0]


@pytest.mark.parametrize(
    ("yaml", "text"),
    [
        (
            "sandbox: {netwerk: bridge}",
            "column 10: sandbox: unknown sandbox option 'netwerk': did you mean 'network'",
        ),
        ("sandbox: docker", "expected options, as in"),
        ("sandbox: {memory: lots}", "expected a number with b, k, m or g"),
        ("sandbox: {mounts: [{from: /x}]}", "sandbox: "),
    ],
)
def test_what_a_container_cannot_be(session: Session, settings: NBAgents, yaml: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        define_agent(session, settings, "analyst", f"---\n{yaml}\n---\nYou.")


def test_a_flag_wins_over_front_matter(session: Session, settings: NBAgents) -> None:
    define_agent(session, settings, "analyst --model openai/b --temperature 0.5", ANALYST)
    assert session.agents["analyst"].model == "openai/b"
    assert session.agents["analyst"].temperature == 0.5


def test_the_same_cell_again_changes_nothing_and_another_text_is_a_change(session: Session, settings: NBAgents) -> None:
    assert "unchanged" not in repr(define_agent(session, settings, "a", "x"))
    assert repr(define_agent(session, settings, "a", "x")).endswith("unchanged")
    assert repr(define_agent(session, settings, "a", "y")).endswith("changed")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("you", "means the person"),
        ("check", "%agents check is a command"),
        ("key", "%agents key is a command"),
        ("two-words", "expected letters, digits and _"),
        ("a --model gpt", "expected provider/name"),
        ("a --model opnai/x", "did you mean 'openai'"),
        ("a --temperature hot", "--temperature: expected a number"),
    ],
)
def test_what_cannot_be_an_agent(session: Session, settings: NBAgents, line: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        define_agent(session, settings, line, "x")
    assert session.agents == {}


def test_the_line_form_of_agent_says_what_to_do(session: Session, settings: NBAgents) -> None:
    with pytest.raises(ConfigurationError, match="cell magic"):
        define_agent(session, settings, "a", None)


def test_agents_lists_them_or_shows_one(session: Session, settings: NBAgents) -> None:
    assert "no agents yet" in repr(show_agents(session, settings, ""))
    define_agent(session, settings, "analyst", ANALYST)
    assert "analyst  local/a  live" in repr(show_agents(session, settings, ""))
    assert "agent analyst" in repr(show_agents(session, settings, "analyst"))
    with pytest.raises(UnknownNameError, match="did you mean 'analyst'"):
        show_agents(session, settings, "analist")


def test_a_team_in_a_cell_and_on_a_line_is_the_same(session: Session, settings: NBAgents) -> None:
    define_agent(session, settings, "a", "x")
    define_agent(session, settings, "b", "x")
    team = TeamMagic(session, settings)
    team("create", "t", "agents: [a, b, you]\nstop: APPROVED\nmax_turns: 6\n")
    in_cell = session.teams["t"]
    card = team("create", "t a b you --stop APPROVED --max-turns 6", None)
    assert session.teams["t"] == in_cell == TeamSpec("t", ("a", "b", "you"), stop="APPROVED", max_turns=6)
    assert "a → b → you ↺ until APPROVED · at most 6 turns" in repr(card)
    assert repr(card).endswith("unchanged")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("t", "has no agents"),
        ("t analist", "unknown agent 'analist': did you mean 'analyst'"),
        ("t analyst analyst", "names an agent twice"),
        ("t analyst --flow swarm", "unknown value of --flow 'swarm'"),
        ("t analyst --max-turns 0", "at least 1"),
    ],
)
def test_what_cannot_be_a_team(session: Session, settings: NBAgents, line: str, text: str) -> None:
    define_agent(session, settings, "analyst", "x")
    with pytest.raises(ConfigurationError, match=text):
        TeamMagic(session, settings)("create", line, None)
    assert session.teams == {}


def test_an_agent_without_a_model_cannot_run_and_none_is_picked(session: Session, settings: NBAgents) -> None:
    define_agent(session, settings, "a", "x")
    with pytest.raises(NoModelError, match=r"--model PROVIDER/NAME .*`nbagents model get`"):
        TeamBuilder(session, settings).build(TeamSpec("t", ("a",)))


def test_code_is_live_only_where_somebody_says_so(
    session: Session, settings: NBAgents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_place, "_may_have_engine", lambda: False)
    define_agent(session, settings, "a --model local/x", "x")
    define_agent(session, settings, "b --model local/x --code live", "x")
    assert TeamBuilder(session, settings).build(TeamSpec("t", ("a",))).code == "none"
    assert TeamBuilder(session, settings).build(TeamSpec("t", ("a", "b"))).code == "live"
    assert TeamBuilder(session, settings, code="none").build(TeamSpec("t", ("b",))).code == "none"


def test_why_code_does_not_run_is_said_where_nobody_chose(
    session: Session, settings: NBAgents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_place, "_may_have_engine", lambda: False)
    define_agent(session, settings, "a --model local/x", "x")
    define_agent(session, settings, "b --model local/x --code none", "x")
    define_agent(session, settings, "c --model local/x --code live", "x")
    built = TeamBuilder(session, settings).build(TeamSpec("t", ("a", "b", "c")))
    assert built.settings == {"places": ["a · code: none (no Docker Engine: see `nbagents doctor`)"]}
    built = TeamBuilder(session, settings).build(TeamSpec("t", ("a",)))
    assert built.settings == {"places": ["code: none (no Docker Engine: see `nbagents doctor`)"]}
    assert TeamBuilder(session, settings).build(TeamSpec("t", ("b", "c"))).settings == {}
    settings.code = "none"
    assert TeamBuilder(session, settings).build(TeamSpec("t", ("a",))).settings == {}


def test_the_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBAGENTS_MODEL", "local/from-env")
    assert NBAgents().model == "local/from-env"
    assert NBAgents(model="local/said").model == "local/said"


def test_a_team_has_a_budget_as_words_or_as_a_mapping(session: Session, settings: NBAgents) -> None:
    define_agent(session, settings, "a", "x")
    team = TeamMagic(session, settings)
    card = team("create", "t", "agents: [a]\nbudget: {usd: 0.50, turns: 12}\n")
    assert session.teams["t"].budget == Budget(usd=0.5, turns=12)
    assert "at most 12 turns · budget $0.50 · sha" in repr(card)
    team("create", "t", "agents: [a]\nbudget: 0.50usd 200k 10min\n")
    assert session.teams["t"].budget == Budget(usd=0.5, tokens=200_000, minutes=10)
    team("create", "t a --budget 0.25usd,3turns", None)
    assert session.teams["t"].budget == Budget(usd=0.25, turns=3)


@pytest.mark.parametrize(
    ("budget", "text"),
    [
        ("{dollars: 1}", "unknown limit 'dollars'"),
        ("{usd: much}", "usd: expected a number above 0, not 'much'"),
        ("{turns: 1.5}", "turns: expected a whole number, not 1.5"),
        ("{minutes: .inf}", "minutes: expected a number above 0, not inf"),
        ("three apples", "expected words as in 0.50usd"),
        ("{usd: 0}", "expected a number above 0"),
    ],
)
def test_what_cannot_be_a_budget(session: Session, settings: NBAgents, budget: str, text: str) -> None:
    define_agent(session, settings, "a", "x")
    with pytest.raises(ConfigurationError, match=text):
        TeamMagic(session, settings)("create", "t", f"agents: [a]\nbudget: {budget}\n")


def test_a_team_without_a_budget_has_the_digest_that_it_had() -> None:
    assert TeamSpec("t", ("a",)).digest != TeamSpec("t", ("a",), budget=Budget(usd=1)).digest
    assert TeamSpec("t", ("a", "b"), stop="OK").digest == "ad9ac0c2"


@pytest.mark.parametrize("line", ["approve r", "approve r --all", "reject r no", "reply r yes"])
def test_a_block_cannot_answer_for_a_person(session: Session, settings: NBAgents, line: str) -> None:
    session.runs["r"] = Run("r", RoundRobinGroupChat([UserProxyAgent("you")]), Gate())
    verb, _, rest = line.partition(" ")
    with pytest.raises(RunNotFinished, match="asks nothing"):
        TeamMagic(session, settings)(verb, rest, None)
    context = copy_context()
    context.run(CAPTURE.set, Capture())
    with pytest.raises(ConfigurationError, match="cannot answer a question that is put to a person"):
        context.run(TeamMagic(session, settings), verb, rest, None)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("temperature: .nan", "a number from 0 on, as 0.2, not nan"),
        ("temperature: -1", "a number from 0 on, as 0.2, not -1"),
        ("base_url: somewhere", "an address as http://127.0.0.1:8000/v1, not 'somewhere'"),
        ("model: [1, 2]", r"provider/name, or a list of such, not \[1, 2\]"),
        ("sandbox: {memory: [4096]}", "not .*4096"),
    ],
)
def test_what_an_agent_cannot_be(session: Session, settings: NBAgents, said: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        define_agent(session, settings, "a", f"---\n{said}\n---\nx")


def test_agents_has_no_further_words_and_knows_its_own(session: Session, settings: NBAgents) -> None:
    define_agent(session, settings, "analyst", "x")
    with pytest.raises(UnknownNameError, match="unknown agent 'chek': did you mean 'check'"):
        show_agents(session, settings, "chek")
    with pytest.raises(ConfigurationError, match="'now' is one word too many"):
        show_agents(session, settings, "check now")


def test_a_setting_that_cannot_be_used_is_refused_when_it_is_said(settings: NBAgents) -> None:
    with pytest.raises(TraitError, match=r"NBAgents\.budget: budget 'nonsense': expected words as in"):
        settings.budget = "nonsense"
    with pytest.raises(TraitError, match=r"NBAgents\.model: model 'nonsense': expected provider/name"):
        settings.model = "nonsense"
    settings.budget = ""
    settings.model = "openai/a, local/b"


def test_a_config_file_that_says_nonsense_is_told_in_one_line_when_nbagents_is_loaded() -> None:
    shell: Any = Configurable(config=Config(NBAgents={"budget": "nonsense"}))
    with pytest.raises(ConfigurationError, match=r"a config file, or the command line, says .*budget 'nonsense'"):
        load(shell)
    assert not NBAgents.initialized()
