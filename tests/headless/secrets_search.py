"""Searches everything that a notebook leaves behind for the secrets that were planted."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

SHOWN = 16
"""So many characters of a secret in a row are a leak."""


def texts(value: Any) -> Iterator[str]:
    """Every string in a JSON value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item)


def leaks(value: Any, secrets: Mapping[str, str]) -> list[str]:
    """The names of the secrets that stand in a JSON value, whole or in part, however they are spelled."""
    everything = "\n".join(texts(value))
    return [name for name, secret in secrets.items() if any(form in everything for form in _forms(secret))]


def _forms(secret: str) -> set[str]:
    parts = {secret, secret[:SHOWN], secret[-SHOWN:]}
    spellings = (str, html.escape, lambda part: html.escape(part, quote=False), json.dumps, repr, quote)
    return {spell(part).strip("'\"") for part in parts for spell in spellings}
