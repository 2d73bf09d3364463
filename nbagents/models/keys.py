"""Where the keys of model providers come from: the environment, the system's keyring, a ``.env`` file; never a cell.

A notebook is saved and shared, so a key is asked for with getpass and kept in the keyring (``%agents key``). What is
read from a keyring or a file goes into the one request that needs it and not into ``os.environ``, where every child
process and every agent's block would find it. Whoever takes secrets out of texts learns of each key by `watch`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakMethod, ref

from ..errors import ConfigurationError, ModelAuthenticationError, UnknownNameError
from ..secret_rules import SHORTEST_SECRET
from .key_trust import KeySources
from .keyring_access import asked, hangs

VARIABLES: Mapping[str, tuple[str, ...]] = {
    "openai": ("OPENAI_API_KEY",),
    "azure": ("AZURE_OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "openrouter": ("OPENROUTER_API_KEY",),
    "ollama": ("OLLAMA_API_KEY",),
    "gemini": ("GEMINI_API_KEY",),
    "llama": ("LLAMA_API_KEY",),
}
"""The environment variables, by provider, that hold its key; the first that is set counts."""

SERVICE = "nbagents"
"""Under which name the keyring keeps the keys; the user name is the provider."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and where it was found."""

    value: str = field(repr=False)
    source: str


def find_key(provider: str, sources: KeySources = "all") -> Key | None:
    """The key of `provider`: from the environment, else the keyring, else the nearest ``.env`` file.

    Slow where a keyring must be unlocked: not to be called on an event loop.

    Args:
        provider: one of `VARIABLES`.
        sources: where to look, as `key_sources` says it of the server that will get the key.

    Raises:
        ConfigurationError: the ``.env`` file cannot be read.
    """
    places = {"all": (_in_environment, _in_keyring, _in_file), "set": (_in_environment, _in_file), "none": ()}
    for look in places[sources]:
        key = look(provider)
        if key is not None:
            learn(provider, key.value)
            return key
    return None


def required_key(provider: str, sources: KeySources = "all", *, default: str = "") -> str:
    """The value of the key of `provider` as `find_key` finds it, or `default` where there is none.

    Raises:
        ModelAuthenticationError: there is none, and no default; says how to set one.
        ConfigurationError: the ``.env`` file cannot be read.
    """
    key = find_key(provider, sources)
    if key is not None:
        return key.value
    if default:
        return default
    variable = VARIABLES[provider][0]
    silent = " (the keyring does not answer: is it waiting to be unlocked?)" if hangs() else ""
    raise ModelAuthenticationError(
        f"no key for {provider}{silent}: %agents key {provider} asks for it and puts it into the keyring; or set the "
        f"environment variable {variable}, or a line {variable}=... in a .env file (never write a key into a cell)",
        provider=provider,
    )


def checked_key(provider: str, value: str) -> str:
    """A key that can be sent: without the blanks around it that copying brings along.

    Raises:
        ModelAuthenticationError: it has characters that no key has. It is not shown.
    """
    value = value.strip()
    if not all("!" <= letter <= "~" for letter in value):
        raise ModelAuthenticationError(
            f"the key of {provider} has a character that no key has (a blank, a line's end, a letter with an accent): "
            "copy it again",
            provider=provider,
        )
    return value


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
    value = checked_key(provider, value)
    instead = f"set the environment variable {VARIABLES[provider][0]}"
    try:
        name = asked(lambda keyring: _kept(keyring, provider, value))
    except ConfigurationError as error:
        raise ConfigurationError(f"{error}; or {instead}") from None
    except Exception as error:  # each system's keyring has errors of its own
        problem = keyring_problem() or type(error).__name__
        raise ConfigurationError(f"the keyring did not take the key ({problem}): {instead}") from None
    learn(provider, value)
    return name


def _kept(keyring: Any, provider: str, value: str) -> str:
    keyring.set_password(SERVICE, provider, value)
    return str(keyring.get_keyring().name)


def keyring_problem() -> str:
    """Why no key can be kept in a keyring; "" when one can."""
    try:
        usable = asked(lambda keyring: keyring.get_keyring().priority > 0)
    except ConfigurationError as error:
        return str(error)
    except Exception as error:  # one that is not set up says so in its own way
        return f"the keyring cannot be used ({type(error).__name__})"
    return "" if usable else "this system has no keyring that can be used"


# Where keys are ------------------------------------------------------------------------------------------


def _in_environment(provider: str) -> Key | None:
    for variable in VARIABLES.get(provider, ()):
        if value := os.environ.get(variable, "").strip():
            return Key(value, f"environment variable {variable}")
    return None


def _in_keyring(provider: str) -> Key | None:
    try:
        value = asked(lambda keyring: keyring.get_password(SERVICE, provider))
    except Exception:  # locked, or none at all: then it has no key for us; `keyring_problem` says why
        return None
    return Key(value, "keyring") if value else None


def _in_file(provider: str) -> Key | None:
    path = env_file()
    if path is None:
        return None
    values = values_of(path)
    for variable in VARIABLES.get(provider, ()):
        if value := (values.get(variable) or "").strip():
            return Key(value, f"file {path}")
    return None


def values_of(path: Path) -> Mapping[str, str | None]:
    """What a ``.env`` file says; lines that are none of its syntax say nothing.

    Raises:
        ConfigurationError: it is no text in UTF-8, or may not be read.
    """
    from dotenv import dotenv_values

    try:
        return dotenv_values(path, interpolate=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"the file {path} cannot be read ({type(error).__name__}): it must be a text in UTF-8 with lines NAME=VALUE"
        ) from None  # the error may quote what is in it


def env_file(folder: Path | None = None) -> Path | None:
    """The nearest ``.env``: in `folder` (the working one) or above it, up to the top of its project or the home."""
    try:
        folder = (folder or Path.cwd()).resolve()
    except OSError:  # the working folder was deleted
        return None
    parents = [folder, *folder.parents]
    top = next((place for place in parents if (place / ".git").exists() or place == Path.home()), folder)
    for place in parents[: parents.index(top) + 1]:
        if (place / ".env").is_file():
            return place / ".env"
    return None


# Who must know them ---------------------------------------------------------------------------------------

_known: dict[str, str] = {}  # name by value
_MARKS = re.compile(r"[-_ .]")
_NO_SECRETS = frozenset({"", "none", "null", "empty", "ollama", "lmstudio", "vllm", "dummy", "placeholder", "notneeded",
                         "notrequired", "notrequiredsincewearelocal", "nokeyrequired", "sknokeyrequired"})  # fmt: skip
"""What people write where a server wants no key. These words are also said, and nothing is to be redacted in them."""
_watchers: list[ref[Any]] = []


def known_keys() -> dict[str, str]:
    """The keys that this process has read or was given so far, by a name that tells them apart."""
    named: dict[str, str] = {}
    for value, name in _known.items():
        number = sum(1 for other in named if other.partition(" ")[0] == name) + 1
        named[name if number == 1 else f"{name} {number}"] = value
    return named


def without_keys(text: str) -> str:
    """`text` without the keys that are known: servers repeat the key that they refuse."""
    for value, name in list(_known.items()):
        if len(value) >= SHORTEST_SECRET:
            text = text.replace(value, f"[redacted {name}]")
    return text


def watch(add: Callable[[str, str], None]) -> None:
    """Call `add` with name and value of each key that is known, and of each that is read later, as long as it lives."""
    for value, name in _known.items():
        add(name, value)
    _watchers.append(WeakMethod(add) if hasattr(add, "__self__") else ref(add))


def learn(provider: str, value: str) -> None:
    """Know one more key of `provider`: one that was found, typed in, or given to a client."""
    value = value.strip()
    if not value or value in _known or _MARKS.sub("", value).lower() in _NO_SECRETS:
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
