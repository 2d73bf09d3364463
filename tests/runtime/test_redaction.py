"""Secrets are known by value and by shape; what is no secret stays as it is."""

from __future__ import annotations

import re
import sys
import threading

import pytest

from nbagents.models import keys
from nbagents.runtime import Redactor
from nbagents.secret_rules import shapes

PLANTED = {
    "OPENAI_API_KEY": "planted-key-0123456789",
    "DB_PASSWORD": "p4ss w'ord\n2",
    "DATABASE_URL": "postgres://user:s3cr3tpw@db:5432/x",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "EDITOR": "a-longer-plain-value",
}


@pytest.mark.parametrize("value", ["planted-key-0123456789", "p4ss w'ord\n2", "s3cr3tpw"])
def test_values_of_the_environment_are_found_wherever_they_stand(value: str) -> None:
    redact = Redactor.from_environment(PLANTED)
    assert value not in redact(f"before {value} after")
    assert value not in redact(f"{value}{value}")
    assert repr(value)[1:-1] not in redact(f"KeyError({value!r})")


def test_the_replacement_says_which_it_was() -> None:
    assert Redactor({"MY_TOKEN": "abcdefgh"})("x abcdefgh y") == "x [redacted MY_TOKEN] y"


def test_plain_values_stay() -> None:
    text = "HOME=/root LANG=C.UTF-8 EDITOR=a-longer-plain-value"
    assert Redactor.from_environment(PLANTED)(text) == text


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-" + "Ab1_-" * 8,
        "sk-ant-api03-" + "x9" * 20,
        "ghp_" + "a1B2" * 9,
        "AKIA" + "ABCDEFGH12345678",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----",
        "xoxb-1234-5678-abcdef",
    ],
)
def test_known_shapes_are_found(secret: str) -> None:
    cleaned = Redactor()(f"the key is {secret} .")
    assert secret not in cleaned
    assert "redacted" in cleaned


def test_a_password_in_a_url_is_found() -> None:
    assert Redactor()("https://me:topsecret@host/x") == "https://me:[redacted password]@host/x"


@pytest.mark.parametrize("text", ["", "sk-learn", "a task: keep it", "risk-free", "€ 3 → π", "sha256:" + "ab" * 32])
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert Redactor()(text) == text


def test_too_short_values_are_not_secrets() -> None:
    redact = Redactor({"TOKEN": "ab"})
    assert redact("cab about") == "cab about"


def test_every_shape_of_a_key_is_let_through_to_the_search_for_it() -> None:
    from re import _parser  # type: ignore[attr-defined]  # the only way to ask for a pattern's shortest match

    for label, pattern in shapes():
        shortest, _ = _parser.parse(pattern.pattern, pattern.flags).getwidth()
        begins = re.match(r"\W*(xox|eyJ)", pattern.pattern)
        begins = begins or "BEGIN" in pattern.pattern or "eyJ" in pattern.pattern
        assert shortest >= 16 or begins, (label, pattern.pattern, shortest)


def test_a_key_that_is_read_in_the_middle_of_a_run_is_known_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_known", {})
    redactor, other = Redactor.from_environment({}), Redactor()
    text = "Bearer planted-key-of-a-keyring"
    assert redactor(text) == text
    keys.learn("anthropic", "planted-key-of-a-keyring")
    assert redactor(text) == "Bearer [redacted ANTHROPIC_API_KEY]"
    both = Redactor.from_environment({"ANTHROPIC_API_KEY": "another-key-planted"})
    assert both(text + " another-key-planted") == "Bearer [redacted ANTHROPIC_API_KEY] [redacted ANTHROPIC_API_KEY]"
    assert other(text) == text


def test_a_redactor_can_be_used_while_another_thread_adds_to_it() -> None:
    redactor, done = Redactor({f"KEY_{n}": f"planted-secret-{n}" for n in range(50)}), threading.Event()

    def add() -> None:
        for number in range(300):
            redactor.add("NEW", f"another-secret-{number}")
        done.set()

    adding = threading.Thread(target=add)
    adding.start()
    while not done.is_set():
        assert redactor("a text with planted-secret-7 in it") == "a text with [redacted KEY_7] in it"
    adding.join()


def test_of_two_secrets_that_are_added_at_once_none_is_lost() -> None:
    redactor, usual = Redactor(), sys.getswitchinterval()

    def add(name: str) -> None:
        for number in range(60):
            redactor.add(name, f"planted-{name}-{number}")

    adding = [threading.Thread(target=add, args=(name,)) for name in "abcdefgh"]
    sys.setswitchinterval(1e-6)
    try:
        for thread in adding:
            thread.start()
        for thread in adding:
            thread.join()
    finally:
        sys.setswitchinterval(usual)
    assert all("planted" not in redactor(f"planted-{name}-{n}") for name in "abcdefgh" for n in range(60))
