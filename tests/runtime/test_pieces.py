"""Pieces of an answer: no secret is shown in two halves, and nothing else is lost or delayed for long."""

from __future__ import annotations

import random

import pytest

from nbagents.runtime.pieces import LONGEST_HELD, Pieces
from nbagents.runtime.redaction import Redactor

KEY = "-----BEGIN RSA PRIVATE KEY-----\nabcd efgh\nijkl\n-----END RSA PRIVATE KEY-----"
SECRETS = {"MY_KEY": "planted-1234567", "PHRASE": "correct horse staple", "WORD": "pläntäd-värde"}


def shown(pieces: list[str], redact: Redactor | None = None) -> str:
    view = Pieces(redact or Redactor(SECRETS))
    return "".join([view.shown(piece) for piece in pieces]) + view.rest()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the key planted-1234567, and", "the key [redacted MY_KEY], and"),
        ("say correct horse staple now", "say [redacted PHRASE] now"),
        ("correct horse racing", "correct horse racing"),
        ("ein pläntäd-värde hier", "ein [redacted WORD] hier"),
        ("its sk-proj-abcdefghijklmnop0123456789 end", "its [redacted model provider key] end"),
        ("at https://me:hidden-word@host/x", "at https://me:[redacted password]@host/x"),
        (f"here:\n{KEY}\nend", "here:\n[redacted private key]\nend"),
        ("a ----- rule, and 日本語 as well\n", "a ----- rule, and 日本語 as well\n"),
    ],
)
def test_it_does_not_matter_how_a_text_is_cut(text: str, expected: str) -> None:
    chance = random.Random(7)
    for _ in range(20):
        cuts = sorted(chance.randrange(len(text) + 1) for _ in range(chance.randrange(1, 12)))
        assert shown([text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]) == expected
    assert shown(list(text)) == expected


def test_a_word_is_shown_when_it_has_ended() -> None:
    view = Pieces(Redactor())
    assert [view.shown(piece) for piece in ("Hel", "lo wor", "ld", ".\n")] == ["", "Hello ", "", "world.\n"]


def test_text_without_blanks_is_shown_as_it_comes() -> None:
    view = Pieces(Redactor())
    assert [view.shown(piece) for piece in "日本語"] == ["日", "本", "語"]


def test_a_word_without_an_end_is_let_go() -> None:
    view = Pieces(Redactor())
    pieces = [view.shown("QUJD") for _ in range(LONGEST_HELD)]
    assert len("".join(pieces)) > 3 * LONGEST_HELD and len(view.rest()) <= LONGEST_HELD


def test_what_was_shown_early_passes_once() -> None:
    view = Pieces(Redactor())
    view.shown_early("a ")
    view.shown_early("b ")
    assert [view.passes() for _ in range(3)] == [True, True, False]
    assert view.done
