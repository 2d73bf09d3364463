"""Secrets are known by value and by shape; what is no secret stays as it is."""

from __future__ import annotations

import re

import pytest

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
