"""Takes secrets out of texts before they are kept, shown or sent.

Two ways to know a secret: by value (what the environment or a client holds under a secret's name) and by
shape (the key formats that detect-secrets knows). What is found is replaced by a word that says which it was.
A value is also known as HTML, JSON, a repr or a URL spell it, and where a table shows only its beginning.
"""

from __future__ import annotations

import html
import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from itertools import takewhile
from typing import Any
from urllib.parse import quote
from weakref import WeakSet

from ..models.keys import known_keys, watch
from ..secret_rules import SHORTEST_SECRET, URL_PASSWORD, may_hold_a_key, secrets_in, shapes

WORD = re.compile(r"[!-~]*")
"""What a key is written in, of which nobody knows where it ends."""
JSON_WORD = re.compile(r"[!#-\[\]-~]*")
"""The same within JSON, where a quote or a backslash ends it."""
_NAMED_KEY = re.compile(r"aws.{0,95}\Z", re.I | re.S)
"""What may begin the one shape of a key that is known by what stands before it, some words away."""
_KEY_BLOCK = re.compile(r"-----BEGIN.*?(-----END [A-Z0-9 ]*-----|\Z)", re.S)

RECOGNISED_BY = 16
"""Characters at its beginning or end by which a long secret is recognised where the rest of it was cut off."""
LONGEST_TEXT_TO_SCAN = 200_000
"""A longer text is an image or a dump: it is searched for known values, not for shapes."""


class Redactor:
    """Call it with a text; it returns the text without secrets.

    Args:
        secrets: secret values by name.
    """

    def __init__(self, secrets: Mapping[str, str] | None = None) -> None:
        self._names: dict[str, str] = {}
        for name, value in (secrets or {}).items():
            self.add(name, value)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Redactor:
        """A redactor that knows the environment's secrets, and each model provider's key that this process reads."""
        redactor = cls(dict(secrets_in(environ)))
        with _lock:
            _learning.add(redactor)
        # After that: a key that another thread reads now is told, or known. And beside the environment's: one name may
        # have had two values.
        for name, value in known_keys().items():
            redactor.add(name, value)
        return redactor

    def add(self, name: str, value: str) -> None:
        """Know one more secret, from any thread; values too short to be one are left alone."""
        if len(value) < SHORTEST_SECRET:
            return
        with _lock:  # of two that are added at once, none is lost
            names = {**self._names, value: name}
            for spelled in _spellings(value):
                names.setdefault(spelled, name)
            # The longest first: one secret may begin with another. A new table: another thread may read the old one.
            self._names = dict(sorted(names.items(), key=lambda item: -len(item[0])))

    def settled(self, text: str, word: re.Pattern[str] = WORD) -> int:
        """So many characters of `text` belong to no secret of which the rest may be still to come.

        Args:
            text: what came so far and was not shown.
            word: `WORD`, or `JSON_WORD` where the text is JSON.
        """
        last = word.match(text[::-1])
        settled = len(text) - (last.end() if last else 0)
        if named := _NAMED_KEY.search(text):
            settled = min(settled, named.start())
        for key in _KEY_BLOCK.finditer(text):
            if key.end() > settled or not key[1]:
                settled = min(settled, key.start())
        values = [value for value in self._names if not word.fullmatch(value)]
        for _ in values:  # as often as one may begin within another
            for value in values:
                settled = _before(value, text, settled)
        return settled

    def without_values(self, text: str) -> str:
        """`text` without the values that are known, and without passwords in URLs.

        Loads no list of shapes: detect-secrets brings an HTTP library along, which opens a socket to see what it can.
        """
        for value, name in self._names.items():
            if value in text:
                text = text.replace(value, f"[redacted {name}]")
            if len(value) > RECOGNISED_BY * 3 // 2:
                text = _without_ends(text, value, f"[redacted {name}]")
        if "://" in text and len(text) <= LONGEST_TEXT_TO_SCAN:
            text = URL_PASSWORD.sub(r"\1:[redacted password]", text)
        return text

    def __call__(self, text: str) -> str:
        text = self.without_values(text)
        if len(text) > LONGEST_TEXT_TO_SCAN:
            return text
        if not may_hold_a_key(text):
            return text
        for label, pattern in shapes():
            text = pattern.sub(f"[redacted {label}]", text)
        return text


_learning: WeakSet[Redactor] = WeakSet()
_lock = threading.Lock()


def _learned(name: str, value: str) -> None:
    """A key was read from a keyring or a file, perhaps in the middle of a run."""
    with _lock:
        redactors = list(_learning)
    for redactor in redactors:
        redactor.add(name, value)


watch(_learned)


def redacted(value: Any, redact: Callable[[str], str]) -> Any:
    """A copy of a JSON value with `redact` applied to every string in it."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: redacted(item, redact) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item, redact) for item in value]
    return value


def _spellings(value: str) -> Iterator[str]:
    """The value as it stands in a repr or traceback, in JSON, in HTML and in a URL."""
    yield repr(value)[1:-1]
    yield json.dumps(value)[1:-1]
    yield html.escape(value)
    yield html.escape(value, quote=False)
    yield quote(value, safe="")


def _without_ends(text: str, value: str, word: str) -> str:
    """`text` without the beginnings and ends of `value`: tables cut long texts off, messages cut out their middle."""
    head, tail, at = value[:RECOGNISED_BY], value[-RECOGNISED_BY:], 0
    while (at := text.find(head, at)) >= 0:
        length = _in_common(text[at : at + len(value)], value)
        text = f"{text[:at]}{word}{text[at + length :]}"
        at += len(word)
    at = 0
    while (at := text.find(tail, at)) >= 0:
        end = at + len(tail)
        length = _in_common(text[max(0, end - len(value)) : end][::-1], value[::-1])
        text = f"{text[: end - length]}{word}{text[end:]}"
        at = end - length + len(word)
    return text


def _before(value: str, text: str, settled: int) -> int:
    """`settled`; or where, before it, a `value` begins that goes on behind it, perhaps in what is still to come."""
    at = max(0, settled - len(value) + 1)
    while (at := text.find(value[0], at, settled)) >= 0:
        if value.startswith(text[at : at + len(value)]):
            return at
        at += 1
    return settled


def _in_common(one: str, other: str) -> int:
    """So many characters the two begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
