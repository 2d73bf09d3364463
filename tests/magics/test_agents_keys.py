"""``%agents key`` and ``%agents check``."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import pytest
from traitlets.config import Config

from nbagents.errors import ConfigurationError, UnknownNameError
from nbagents.magics import agents_key
from nbagents.magics.agent_magic import show_agents
from nbagents.magics.building import TeamBuilder
from nbagents.magics.cards import Table
from nbagents.magics.completion import suggestions
from nbagents.magics.session import Session
from nbagents.magics.settings import NBAgents
from nbagents.magics.spec_values import AGENT_KEYS
from nbagents.magics.specs import AgentSpec, TeamSpec
from nbagents.models import FallbackChatCompletionClient, keys


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """A machine without keys, and a keyring in memory."""
    kept: dict[str, str] = {}
    for variables in keys.VARIABLES.values():
        for variable in variables:
            monkeypatch.delenv(variable, raising=False)
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        keys, "_in_keyring", lambda provider: keys.Key(kept[provider], "keyring") if provider in kept else None
    )
    monkeypatch.setattr(keys, "keyring_problem", lambda: "")
    monkeypatch.setattr(agents_key, "keyring_problem", lambda: "")
    monkeypatch.setattr(agents_key, "store_key", lambda provider, value: kept.update({provider: value}) or "a keyring")
    return kept


def rows(table: Any) -> dict[str, tuple[str, ...]]:
    assert isinstance(table, Table)
    return {row[0]: tuple(row[1:]) for row in table.rows}


def test_a_key_is_asked_for_and_never_shown(monkeypatch: pytest.MonkeyPatch, no_keys: dict[str, str]) -> None:
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "planted-key-1234")
    card = show_agents(Session(), NBAgents(), "key openai")
    assert no_keys == {"openai": "planted-key-1234"}
    assert "planted" not in repr(card) + str(card._repr_mimebundle_())
    assert rows(show_agents(Session(), NBAgents(), "check"))["key of openai"] == ("set", "keyring", "")


def test_a_key_is_never_part_of_the_line() -> None:
    with pytest.raises(ConfigurationError, match="one word too many"):
        show_agents(Session(), NBAgents(), "key openai sk-planted")
    with pytest.raises(ConfigurationError, match="PROVIDER is missing"):
        show_agents(Session(), NBAgents(), "key")
    with pytest.raises(UnknownNameError, match="did you mean 'anthropic'"):
        show_agents(Session(), NBAgents(), "key antropic")


def test_nobody_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(prompt: str) -> str:
        raise NotImplementedError("raw_input was called, but this frontend does not support input requests.")

    monkeypatch.setattr(getpass, "getpass", fails)
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
        show_agents(Session(), NBAgents(), "key openai")


def test_check_says_what_is_missing_and_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NBAGENTS_MODELS_DIR", str(tmp_path / "none"))
    monkeypatch.delenv("NBAGENTS_MODEL", raising=False)
    session, settings = Session(), NBAgents()
    assert "none" in rows(show_agents(session, settings, "check"))["model"]
    settings.model = "anthropic/claude-sonnet-5"
    session.define_agent(AgentSpec("a", "x", model="openai/m, local/qwen2.5-coder-0.5b"))
    found = rows(show_agents(session, settings, "check"))
    assert found["model"] == ("anthropic/claude-sonnet-5", "%config", "")
    assert found["budget"] == ("1usd", "default", "")
    assert "%agents key anthropic" in found["key of anthropic"][-1]
    assert "%agents key openai" in found["key of openai"][-1]
    assert "nbagents model get" in found["weights of qwen2.5-coder-0.5b"][-1]


def test_check_tells_config_from_what_was_there_at_the_start() -> None:
    settings = NBAgents(config=Config(NBAgents={"model": "openai/from-file"}))
    assert rows(show_agents(Session(), settings, "check"))["model"][1] == "config file or command line"
    settings.update_config(Config(NBAgents={"model": "openai/said"}))  # as %config does
    assert rows(show_agents(Session(), settings, "check"))["model"][:2] == ("openai/said", "%config")


def test_check_says_where_a_key_comes_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "planted-key-1234")
    (tmp_path / ".env").write_text("OPENAI_API_KEY=planted-key-5678")
    table = show_agents(Session(), NBAgents(), "check")
    found = rows(table)
    assert found["key of anthropic"][:2] == ("set", "environment variable ANTHROPIC_API_KEY")
    assert found["key of openai"][:2] == ("set", f"file {tmp_path / '.env'}")
    assert found[".env"][-1] == "add .env to .gitignore"
    assert "planted" not in repr(table) + str(table._repr_mimebundle_())


def test_several_models_of_an_agent() -> None:
    assert AGENT_KEYS["model"](["openai/x", "local/y"]) == "openai/x, local/y"
    assert AGENT_KEYS["model"]("openai/x") == "openai/x"
    with pytest.raises(UnknownNameError, match="did you mean 'local'"):
        AgentSpec("a", "x", model="openai/x, loca/y")
    session = Session()
    session.define_agent(AgentSpec("a", "x", model="openai/x, local/y", base_url="http://127.0.0.1:1/v1"))
    (client,) = TeamBuilder(session, NBAgents()).build(TeamSpec("t", ("a",))).clients
    assert isinstance(client, FallbackChatCompletionClient)
    assert [one.provider for one in client.clients] == ["openai", "local"]


def test_completion() -> None:
    session = Session()
    assert {"check", "doctor", "key"} <= set(suggestions("%agents ", session, list))
    assert "anthropic" in suggestions("%agents key ", session, list)
    assert suggestions("%agents check ", session, list) == []


def test_check_names_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"OPENAI_API_KEY=\xff")
    table = rows(show_agents(Session(), NBAgents(model="openai/gpt-5-mini"), "check"))
    assert "cannot be read" in table[".env"][2] and "openai/gpt-5-mini cannot be asked" in table["key of openai"][2]


def test_check_asks_for_the_key_of_the_provider_that_will_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    table = rows(show_agents(Session(), NBAgents(model="openai/gemini-2.5-flash"), "check"))
    assert "GEMINI_API_KEY" in table["key of gemini"][2] and "key of openai" not in table
    monkeypatch.setenv("GEMINI_API_KEY", "planted-key-1234")
    table = rows(show_agents(Session(), NBAgents(model="openai/gemini-2.5-flash"), "check"))
    assert table["key of gemini"] == ("set", "environment variable GEMINI_API_KEY", "")
