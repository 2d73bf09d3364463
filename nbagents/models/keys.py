"""Where the keys of model providers come from: the environment, the system's keyring, a ``.env`` file; never a cell.

A notebook is saved and shared, so a key is asked for with getpass and kept in the keyring (``%agents key``). What is
read from a keyring or a file goes into the one request that needs it and not into ``os.environ``, where every child
process and every agent's block would find it. Whoever takes secrets out of texts learns of each key by `watch`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakMethod, ref

from ..errors import ConfigurationError, ModelAuthenticationError, UnknownNameError

VARIABLES: Mapping[str, tuple[str, ...]] = {
    "openai": ("OPENAI_API_KEY",),
    "azure": ("AZURE_OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "ollama": ("OLLAMA_API_KEY",),
}
"""The environment variables, by provider, that hold its key; the first that is set counts."""

SERVICE = "nbagents"
"""Under which name the keyring keeps the keys; the user name is the provider."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and where it was found."""

    value: str = field(repr=False)
    source: str


def find_key(provider: str, *, own_server: bool = True) -> Key | None:
    """The key of `provider`: from the environment, else the keyring, else the nearest ``.env`` file.

    Slow where a keyring must be unlocked: not to be called on an event loop.

    Args:
        provider: one of `VARIABLES`.
        own_server: it is for the provider's own server. For another one, that a `base_url` names, the keyring is not
            asked: what was typed in as the key of a provider is sent to nobody else.
    """
    for look in (_in_environment, _in_keyring, _in_file) if own_server else (_in_environment, _in_file):
        key = look(provider)
        if key is not None:
            learn(provider, key.value)
            return key
    return None


def required_key(provider: str, *, own_server: bool = True, default: str = "") -> str:
    """The value of the key of `provider` as `find_key` finds it, or `default` where there is none.

    Raises:
        ModelAuthenticationError: there is none, and no default; says how to set one.
    """
    key = find_key(provider, own_server=own_server)
    if key is not None:
        return key.value
    if default:
        return default
    variable = VARIABLES[provider][0]
    raise ModelAuthenticationError(
        f"no key for {provider}: %agents key {provider} asks for it and puts it into the keyring; or set the "
        f"environment variable {variable}, or a line {variable}=... in a .env file (never write a key into a cell)",
        provider=provider,
    )


def store_key(provider: str, value: str) -> str:
    """Put a key into the keyring; returns the keyring's name.

    Raises:
        UnknownNameError: there is no such provider, or it needs no key.
        ConfigurationError: there is no keyring, or it refused.
    """
    if provider not in VARIABLES:
        raise UnknownNameError("provider with a key", provider, VARIABLES)
    if not value.strip():
        raise ConfigurationError(f"no key was given for {provider}: nothing is changed")
    keyring = _keyring()
    if isinstance(keyring, str):
        raise ConfigurationError(f"{keyring}; or set the environment variable {VARIABLES[provider][0]}")
    try:
        keyring.set_password(SERVICE, provider, value.strip())
        name = str(keyring.get_keyring().name)
    except Exception as error:  # each system's keyring has errors of its own
        problem = keyring_problem() or type(error).__name__
        raise ConfigurationError(
            f"the keyring did not take the key ({problem}): set the environment variable {VARIABLES[provider][0]}"
        ) from None
    learn(provider, value.strip())
    return name


def keyring_problem() -> str:
    """Why no key can be kept in a keyring; "" when one can."""
    keyring = _keyring()
    if isinstance(keyring, str):
        return keyring
    if keyring.get_keyring().priority <= 0:
        return "this system has no keyring that can be used"
    return ""


# Where keys are ------------------------------------------------------------------------------------------


def _in_environment(provider: str) -> Key | None:
    for variable in VARIABLES.get(provider, ()):
        if value := os.environ.get(variable, "").strip():
            return Key(value, f"environment variable {variable}")
    return None


def _in_keyring(provider: str) -> Key | None:
    keyring = _keyring()
    if isinstance(keyring, str):
        return None
    try:
        value = keyring.get_password(SERVICE, provider)
    except Exception:  # locked, or none at all: then it has no key for us; `keyring_problem` says why
        return None
    return Key(value, "keyring") if value else None


def _in_file(provider: str) -> Key | None:
    path = env_file()
    if path is None:
        return None
    from dotenv import dotenv_values

    values = dotenv_values(path, interpolate=False)
    for variable in VARIABLES.get(provider, ()):
        if value := (values.get(variable) or "").strip():
            return Key(value, f"file {path}")
    return None


def env_file(folder: Path | None = None) -> Path | None:
    """The nearest ``.env``: in `folder` (the working one) or above it, up to the top of its project or the home."""
    folder = (folder or Path.cwd()).resolve()
    parents = [folder, *folder.parents]
    top = next((place for place in parents if (place / ".git").exists() or place == Path.home()), folder)
    for place in parents[: parents.index(top) + 1]:
        if (place / ".env").is_file():
            return place / ".env"
    return None


def _keyring() -> Any:
    """The keyring package; or, as a text, why it cannot be used."""
    try:
        import keyring
    except ImportError:
        return 'keys are kept by the keyring package: pip install "nbagents[keys]"'
    return keyring


# Who must know them ---------------------------------------------------------------------------------------

_known: dict[str, str] = {}  # name by value
_watchers: list[ref[Any]] = []


def known_keys() -> dict[str, str]:
    """The keys that this process has read or was given so far, by a name that tells them apart."""
    named: dict[str, str] = {}
    for value, name in _known.items():
        number = sum(1 for other in named if other.partition(" ")[0] == name) + 1
        named[name if number == 1 else f"{name} {number}"] = value
    return named


def watch(add: Callable[[str, str], None]) -> None:
    """Call `add` with name and value of each key that is known, and of each that is read later, as long as it lives."""
    for value, name in _known.items():
        add(name, value)
    _watchers.append(WeakMethod(add) if hasattr(add, "__self__") else ref(add))


def learn(provider: str, value: str) -> None:
    """Know one more key of `provider`: one that was found, typed in, or given to a client."""
    if not value or value in _known:
        return
    name = VARIABLES.get(provider, (f"{provider.upper()}_API_KEY",))[0]
    _known[value] = name
    for add in list(_living()):
        add(name, value)


def _living() -> Iterator[Callable[[str, str], None]]:
    for watcher in list(_watchers):
        add = watcher()
        if add is None:
            _watchers.remove(watcher)
        else:
            yield add
