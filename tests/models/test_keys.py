"""Where keys come from, and that they stay out of everything else."""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import PasswordSetError

from nbagents.errors import ConfigurationError, ModelAuthenticationError, UnknownNameError
from nbagents.models import OpenAIChatCompletionClient, keyring_access, keys
from nbagents.models.keys import env_file, find_key, keyring_problem, known_keys, required_key, store_key, watch

VARIABLES = [variable for variables in keys.VARIABLES.values() for variable in variables]


class Keyring(KeyringBackend):  # type: ignore[misc]  # keyring has no types
    """A keyring in memory."""

    priority = 1.0  # type: ignore[assignment]  # a property of the class, with keyring's own descriptor

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise PasswordSetError("locked")
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.locked:
            raise PasswordSetError(f"cannot keep {password}")
        self.kept[service, username] = password


@pytest.fixture(autouse=True)
def ring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Keyring]:
    before, ring = keyring.get_keyring(), Keyring()
    for variable in [*VARIABLES, "OPENAI_BASE_URL"]:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(keys, "_known", {})
    (tmp_path / ".git").mkdir()
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


def test_the_environment_wins_over_the_keyring_and_that_over_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert find_key("openai") is None
    (tmp_path / ".env").write_text('OPENAI_API_KEY="from-the-file"\nexport ANTHROPIC_API_KEY=another-one\n')
    found = find_key("openai")
    assert found is not None and (found.value, found.source) == ("from-the-file", f"file {tmp_path / '.env'}")
    assert required_key("anthropic") == "another-one"
    store_key("openai", " from-the-keyring ")
    found = find_key("openai")
    assert found is not None and (found.value, found.source) == ("from-the-keyring", "keyring")
    monkeypatch.setenv("OPENAI_API_KEY", "from-the-environment")
    found = find_key("openai")
    assert found is not None and found.source == "environment variable OPENAI_API_KEY"
    assert "from-the-environment" not in repr(found)


def test_what_is_read_from_a_file_is_not_put_into_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=${HOME}from-the-file\nPATH=/nowhere\n")
    before = dict(os.environ)
    assert required_key("openai") == "${HOME}from-the-file"
    assert dict(os.environ) == before


def test_a_file_above_the_project_is_not_read(tmp_path: Path) -> None:
    inner = tmp_path / "notebooks" / "inner"
    (inner / ".git").mkdir(parents=True)
    (tmp_path / ".env").write_text("OPENAI_API_KEY=from-the-file")
    assert env_file(tmp_path / "notebooks") == tmp_path / ".env"
    assert env_file(inner) is None


def test_every_key_that_is_read_is_told_to_those_who_redact() -> None:
    told: list[tuple[str, str]] = []

    class Watcher:
        def add(self, name: str, value: str) -> None:
            told.append((name, value))

    store_key("openai", "first-key-1234")
    watcher = Watcher()
    watch(watcher.add)
    OpenAIChatCompletionClient("m", api_key="second-key-1234")
    assert told == [("OPENAI_API_KEY", "first-key-1234"), ("OPENAI_API_KEY", "second-key-1234")]
    assert known_keys() == {"OPENAI_API_KEY": "first-key-1234", "OPENAI_API_KEY 2": "second-key-1234"}
    del watcher
    store_key("openai", "third-key-1234")
    assert len(told) == 2


def test_a_keyring_that_refuses_does_not_show_the_key(ring: Keyring) -> None:
    ring.locked = True
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY") as caught:
        store_key("openai", "planted-key-1234")
    assert "planted-key-1234" not in str(caught.value) and caught.value.__cause__ is None
    assert find_key("openai") is None


def test_a_system_without_a_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    from keyring.backends.fail import Keyring as NoKeyring

    keyring.set_keyring(NoKeyring())
    assert "no keyring" in keyring_problem()
    assert find_key("openai") is None
    with pytest.raises(ConfigurationError, match=r"no keyring.*OPENAI_API_KEY"):
        store_key("openai", "planted-key-1234")
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigurationError, match="keyring package"):
        store_key("openai", "planted-key-1234")


def test_what_cannot_be_kept() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'openai'"):
        store_key("opnai", "x")
    with pytest.raises(ConfigurationError, match="no key was given"):
        store_key("openai", "  ")


def test_no_key_says_all_the_ways_to_give_one() -> None:
    with pytest.raises(ModelAuthenticationError, match=r"%agents key openai .* OPENAI_API_KEY.* \.env") as caught:
        required_key("openai")
    assert caught.value.provider == "openai"


async def test_the_keyring_s_key_is_for_the_provider_s_own_server(tmp_path: Path) -> None:
    store_key("openai", "kept-key-1234")
    client = OpenAIChatCompletionClient("m")
    assert (await client._connected()).api_key == "kept-key-1234"
    await client.close()
    other = OpenAIChatCompletionClient("m", base_url="http://127.0.0.1:1/v1")
    assert (await other._connected()).api_key == "none"
    await other.close()
    (tmp_path / ".env").write_text("OPENAI_API_KEY=of-this-project")
    assert (await other._connected()).api_key == "of-this-project"
    await other.close()


def test_a_keyring_that_hangs_holds_up_nobody(ring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    unlocked, asked = threading.Event(), 0

    def get_password(service: str, username: str) -> str | None:
        nonlocal asked
        asked += 1
        unlocked.wait(30)
        return "kept-key-1234"

    monkeypatch.setattr(ring, "get_password", get_password)
    monkeypatch.setattr(keyring_access, "ANSWERS_WITHIN", 0.1)
    began = time.monotonic()
    for provider in keys.VARIABLES:
        assert find_key(provider) is None
    with pytest.raises(ModelAuthenticationError, match=r"no key for openai \(the keyring does not answer"):
        required_key("openai")
    assert "does not answer" in keyring_problem()
    with pytest.raises(ConfigurationError, match=r"does not answer.*OPENAI_API_KEY"):
        store_key("openai", "planted-key-1234")
    assert time.monotonic() - began < 5
    assert asked == 1, "one that waits for a person is not asked again"
    assert keyring_access._asking is not None and keyring_access._asking.daemon, "it does not hold up Python's end"
    unlocked.set()
    keyring_access._asking.join(5)
    assert required_key("openai") == "kept-key-1234"


def test_a_keyring_that_fails_in_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Keyring):
        @property
        def priority(self) -> float:  # type: ignore[override]  # as some backends have it
            raise RuntimeError("no bus: planted-key-1234")

    keyring.set_keyring(Broken())
    assert keyring_problem() == "the keyring cannot be used (RuntimeError)"
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert keyring_problem() == 'keys are kept by the keyring package: pip install "nbagents[keys]"'
    assert find_key("openai") is None


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("\ufeffOPENAI_API_KEY=planted-key-1234", "planted-key-1234"),
        ("# a comment\n\nexport  OPENAI_API_KEY = 'planted key' # mine\r\n", "planted key"),
        ('this is no line\n=\nOPENAI_API_KEY=planted=key==\n"unended', "planted=key=="),
        ("OPENAI_API_KEY=$(cat /etc/passwd)", "$(cat /etc/passwd)"),
        ("OPENAI_API_KEY\nOPENAI_API_KEY=\n", None),
        ("OPENAI_API_KEY=first\nOPENAI_API_KEY=second", "second"),
    ],
    ids=["mark", "export", "not a line", "command", "no value", "twice"],
)
def test_a_file_of_odd_syntax(tmp_path: Path, text: str, key: str | None) -> None:
    (tmp_path / ".env").write_text(text)
    found = find_key("openai")
    assert (found.value if found else None) == key


def test_a_file_that_is_no_text_is_named_and_not_quoted(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("OPENAI_API_KEY=planted-key-1234".encode("utf-16"))
    with pytest.raises(ConfigurationError, match=r"\.env cannot be read .* UTF-8") as caught:
        find_key("openai")
    assert "planted" not in "".join(traceback.format_exception(caught.value))


async def test_such_a_file_is_not_taken_for_an_answer_of_the_model(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"OPENAI_API_KEY=\xff")
    with pytest.raises(ConfigurationError, match=r"\.env cannot be read"):
        await OpenAIChatCompletionClient("m").create([])


def test_a_folder_that_was_deleted_has_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert find_key("openai") is None
    monkeypatch.chdir(tmp_path)


def test_words_that_stand_for_no_key_are_not_redacted() -> None:
    for word in ("ollama", "lm-studio", "NotRequired", "not-needed", "EMPTY"):
        OpenAIChatCompletionClient("m", base_url="http://127.0.0.1:1/v1", api_key=word)
    assert known_keys() == {}
    OpenAIChatCompletionClient("m", api_key=" ollama-1234\n")
    assert list(known_keys().values()) == ["ollama-1234"]
