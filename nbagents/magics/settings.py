"""The user's settings: ``c.NBAgents.*`` in a config file, ``%config NBAgents`` in a cell, ``NBAGENTS_*`` outside.

A flag or front matter wins over ``%config``, that over a config file, that over the environment.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from traitlets import Enum, Float, Int, TraitError, Unicode, default, validate
from traitlets.config import SingletonConfigurable

from ..errors import ConfigurationError
from ..models.names import split_names
from ..runtime import Budget

CODE_TARGETS = ("none", "live", "docker")
AUTO = "auto"
"""docker if an engine and the image are there, else none: what holds where nobody says it."""


class NBAgents(SingletonConfigurable):
    """Settings of nbagents."""

    model = Unicode(
        help="Model of agents that name none, as provider/name: openai/gpt-5-mini, local/qwen2.5-coder-1.5b. "
        "Environment: NBAGENTS_MODEL. Empty: such an agent cannot run; none is picked silently."
    ).tag(config=True)
    base_url = Unicode(
        help="Server of openai/... models that is not OpenAI's. Environment: NBAGENTS_BASE_URL, else OPENAI_BASE_URL."
    ).tag(config=True)
    code = Enum(
        (AUTO, *CODE_TARGETS),
        AUTO,
        help="Where code of agents that do not say it runs: none (shown, not run), live (in this kernel), docker (in a "
        "container of each agent's own), or auto: docker if an engine and the image are there, else none.",
    ).tag(config=True)
    max_turns = Int(20, min=1, help="Turns of a run whose team does not say it.").tag(config=True)
    budget = Unicode(
        "1usd",
        help="What a run may spend where neither its cell nor its team says it: dollars, tokens, turns, minutes, as in "
        "0.50usd 200k 12turns 10min. Empty: no limit.",
    ).tag(config=True)
    code_timeout = Float(
        0, min=0, help="Seconds after which a block of code is interrupted; 0: never (Stop always works)."
    ).tag(config=True)
    max_retries_on_error = Int(2, min=0, help="How often an agent may correct code that failed.").tag(config=True)
    journals = Unicode(".nbagents", help="Folder of the runs' journals, relative to the notebook.").tag(config=True)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.read_at_start = dict(self.config.NBAgents)
        """What config files and the command line said; `config` also has what ``%config`` said since."""

    @default("model")
    def _model_from_environment(self) -> str:
        return os.environ.get("NBAGENTS_MODEL", "")

    @default("base_url")
    def _base_url_from_environment(self) -> str:
        return os.environ.get("NBAGENTS_BASE_URL", "")

    @validate("budget")
    def _budget_that_can_be_read(self, proposal: dict[str, Any]) -> str:
        text: str = proposal["value"]
        if text.strip():
            _checked("budget", Budget.parse, text)
        return text

    @validate("model")
    def _model_that_can_be_asked(self, proposal: dict[str, Any]) -> str:
        name: str = proposal["value"]
        if name.strip():
            _checked("model", split_names, name)
        return name

    def client_options(self, provider: str, **given: Any) -> dict[str, Any]:
        """Options for a model client of `provider`: those given, completed from the settings."""
        options = {name: value for name, value in given.items() if value is not None}
        if provider == "openai" and self.base_url:
            options.setdefault("base_url", self.base_url)
        return options


def _checked(setting: str, check: Callable[[str], object], text: str) -> None:
    """Say now that a setting cannot be used, and not in the run that uses it."""
    try:
        check(text)
    except ConfigurationError as error:
        raise TraitError(f"NBAgents.{setting}: {error}") from None
