"""``%agents key PROVIDER``: asks for a key without showing it, and puts it into the system's keyring.

The key is typed into a prompt that the notebook does not save, never into the cell, which it does.
"""

from __future__ import annotations

from ..errors import ConfigurationError, UnknownNameError
from ..models.keys import VARIABLES, keyring_problem, store_key
from .arguments import Command
from .cards import Card

KEY = Command(
    "%agents key PROVIDER",
    "Asks for the key of a model provider and keeps it in the system's keyring; the notebook never has it.",
    words=("PROVIDER",),
)


def set_key(line: str) -> Card:
    """``%agents key``

    Raises:
        ConfigurationError: the keyring cannot be used, or nobody can be asked.
        UnknownNameError: there is no such provider.
    """
    provider = KEY.parse(line).words[0]
    if provider not in VARIABLES:
        raise UnknownNameError("provider with a key", provider, VARIABLES)
    if problem := keyring_problem():
        raise ConfigurationError(
            f"{problem}; or set the environment variable {VARIABLES[provider][0]} before you start Jupyter"
        )
    keyring = store_key(provider, _ask(provider))
    return Card(f"key of {provider}", [f"kept in {keyring}", "used from now on"])


def _ask(provider: str) -> str:
    """What the person types; ipykernel puts getpass into the cell's output, and shows dots."""
    from getpass import getpass

    try:
        return getpass(f"Key of {provider} (it is not shown and not saved in the notebook): ")
    except (EOFError, NotImplementedError, RuntimeError) as error:
        # ipykernel's StdinNotImplementedError is a NotImplementedError: nobody is at the notebook
        raise ConfigurationError(
            f"nobody can be asked for the key here: set the environment variable {VARIABLES[provider][0]}"
        ) from error
