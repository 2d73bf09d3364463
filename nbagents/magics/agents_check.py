"""``%agents check``: what is set, where each value comes from, and what is wrong with it. It asks no server."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator

from ..errors import ConfigurationError, NBAgentsError
from ..models.keys import VARIABLES, Key, env_file, find_key, keyring_problem, values_of
from ..models.names import check_name, split_names
from ..models.openai_models import elsewhere
from ..models.weights import find
from .cards import Table
from .session import Session
from .settings import NBAgents

_PACKAGES = {"anthropic": ("anthropic", "anthropic"), "local": ("xllamacpp", "local")}
"""The package that a provider's client needs, and the extra that brings it; all others need openai's."""

Row = tuple[str, str, str, str]


def check(session: Session, settings: NBAgents) -> Table:
    """The table of ``%agents check``."""
    rows = [_model_row(settings), *_setting_rows(settings)]
    for name in sorted(_models(session, settings)):
        rows += _provider_rows(name, settings)
    rows += _key_rows()
    return Table(["setting", "value", "from", "problem & fix"], list(dict.fromkeys(rows)))


def _model_row(settings: NBAgents) -> Row:
    if settings.model:
        return "model", settings.model, _source(settings, "model"), _name_problem(settings.model)
    fix = '%config NBAgents.model = "openai/gpt-5-mini"; with no account: `nbagents model get` in a terminal'
    return "model", "none", "", f"agents that name none cannot run: {fix}"


def _setting_rows(settings: NBAgents) -> Iterator[Row]:
    for name in ("base_url", "code", "budget", "max_turns", "journals"):
        value = str(getattr(settings, name))
        if value:
            yield name, value, _source(settings, name), ""


def _source(settings: NBAgents, name: str) -> str:
    """Where a setting's value came from; traitlets keeps what it read from files, but not who assigned."""
    value = getattr(settings, name)
    if settings.read_at_start.get(name) == value:
        return "config file or command line"
    if os.environ.get(f"NBAGENTS_{name.upper()}") == value:
        return f"environment variable NBAGENTS_{name.upper()}"
    if value == settings.traits()[name].default_value:
        return "default"
    return "%config"


def _models(session: Session, settings: NBAgents) -> set[str]:
    """Every model that an agent of this notebook would ask."""
    named = [settings.model, *(agent.model for agent in session.agents.values())]
    return {one.strip() for text in named for one in text.split(",") if one.strip() and not _name_problem(one)}


def _name_problem(name: str) -> str:
    try:
        split_names(name)
    except NBAgentsError as error:
        return str(error)
    return ""


def _provider_rows(name: str, settings: NBAgents) -> Iterator[Row]:
    """What a model needs before it can be asked."""
    provider, model = check_name(name)
    package, extra = _PACKAGES.get(provider, ("openai", "openai"))
    if importlib.util.find_spec(package) is None:
        yield f"package {package}", "not installed", "", f'{provider}/... needs it: %pip install "nbagents[{extra}]"'
    if provider == "local":
        yield _weights_row(model)
    elif provider == "azure" and not os.environ.get("AZURE_OPENAI_ENDPOINT"):
        yield "azure endpoint", "none", "", "set the environment variable AZURE_OPENAI_ENDPOINT"
    needs_none = provider == "ollama" or (provider == "openai" and settings.base_url)
    if provider == "openai" and (place := elsewhere(model)) is not None:
        provider = place.key_of
    if provider in VARIABLES and not needs_none and _found(provider) is None:
        fix = f"%agents key {provider}, or set the environment variable {VARIABLES[provider][0]}"
        yield f"key of {provider}", "none", "", f"{name} cannot be asked: {fix}"


def _weights_row(model: str) -> Row:
    try:
        return f"weights of {model}", str(find(model)), "", ""
    except NBAgentsError as error:
        return f"weights of {model}", "not here", "", str(error)


def _key_rows() -> Iterator[Row]:
    for provider in VARIABLES:
        key = _found(provider)
        if key is not None:
            yield f"key of {provider}", "set", key.source, ""
    problem = keyring_problem()
    fix = f"{problem}; keys are taken from environment variables and from .env" if problem else ""
    yield "keyring", "not usable" if problem else "usable", "", fix
    path = env_file()
    if path is not None:
        yield ".env", str(path), "", _file_problem()


def _found(provider: str) -> Key | None:
    try:
        return find_key(provider)
    except ConfigurationError:  # of the file, which has a row of its own
        return None


def _file_problem() -> str:
    """A file that cannot be read, or that git would take along."""
    path = env_file()
    assert path is not None, "asked for a file that is there"
    try:
        values_of(path)
    except ConfigurationError as error:
        return str(error)
    if not (path.parent / ".git").exists():
        return ""
    ignored = path.parent / ".gitignore"
    lines = ignored.read_text("utf-8", "replace").split() if ignored.is_file() else []
    return "" if any(line.strip("/") in (".env", "*.env", ".env*") for line in lines) else "add .env to .gitignore"
