"""To which server a key may be sent. A key is worth money, and an address is only a text: most of all one in JSON.

A component's JSON may come from anybody. An address in it gets no key that this machine keeps, unless the address is
the provider's own, or the environment names the same one beside the key.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from ..errors import ConfigurationError

KeySources = Literal["all", "set", "none"]
"""all: environment, keyring and .env. set: without the keyring, to which a key was typed in for the provider alone."""

OWN_HOSTS: Mapping[str, tuple[str, ...]] = {
    "openai": ("api.openai.com",),
    # Azure itself answers there, whosever resource it is.
    "azure": ("openai.azure.com", "cognitiveservices.azure.com", "services.ai.azure.com", "openai.azure.us"),
    "anthropic": ("api.anthropic.com",),
    "openrouter": ("openrouter.ai",),
    "ollama": ("ollama.com",),
    "gemini": ("generativelanguage.googleapis.com",),
    "llama": ("api.llama.com",),
}
"""The hosts, and those below them, that are the provider's own."""

ADDRESS_VARIABLES: Mapping[str, str] = {
    "openai": "OPENAI_BASE_URL",
    "azure": "AZURE_OPENAI_ENDPOINT",
    "anthropic": "ANTHROPIC_BASE_URL",
}
"""The environment variable that names a server beside the key."""


def key_sources(provider: str, address: str | None, *, from_json: bool) -> KeySources:
    """From where a key may be taken that is sent to `address`.

    Args:
        provider: one of `OWN_HOSTS`.
        address: the server; None is the provider's own.
        from_json: a component's JSON named it, and not the program.
    """
    if address is None or is_own(provider, address):
        return "all"
    if from_json and not _environment_names(provider, address):
        return "none"
    return "all" if provider == "azure" else "set"  # Azure's key is that of a resource, which has any address


def is_own(provider: str, address: str) -> bool:
    """Whether the provider itself answers at `address`, and nobody on the way can read."""
    parts = _split(address)
    host = parts.hostname or ""
    return parts.scheme == "https" and any(
        host == own or host.endswith(f".{own}") for own in OWN_HOSTS.get(provider, ())
    )


def why_none(provider: str) -> str:
    """What to do where a key is not sent to an address in JSON."""
    variable = ADDRESS_VARIABLES.get(provider)
    beside = f", or set {variable} to the same address" if variable else ""
    return f"its address stands in a component's JSON, which gets no key of this machine: pass api_key{beside}"


def checked_address(address: str) -> str:
    """`address`, which must be one.

    Raises:
        ConfigurationError: it is none.
    """
    try:
        parts = urlsplit(address)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port or an IPv6 address that is none
        fits = False
    if not fits:
        said = as_written(address)
        raise ConfigurationError(f"{said!r} is no address of a server: expected http://HOST:PORT/v1 or https://HOST")
    return address


def as_written(address: str) -> str:
    """An address that is none, for the error that says so to whoever wrote it; bare where it may hold a secret."""
    return bare_address(address) if "@" in address or "?" in address else address


def bare_address(address: str) -> str:
    """`address` without a user's name and password, and without what follows ``?``: as errors say it."""
    try:
        parts = _split(address)
    except ValueError:
        return "an address that is none"
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    return bare if "://" in address else bare.removeprefix("http://")


def _environment_names(provider: str, address: str) -> bool:
    named = os.environ.get(ADDRESS_VARIABLES.get(provider, ""), "")
    return bool(named) and _origin(_split(named)) == _origin(_split(address))


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _split(address: str) -> SplitResult:
    return urlsplit(address if "://" in address else f"http://{address}")
