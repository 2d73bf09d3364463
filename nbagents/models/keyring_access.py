"""Asks the system's keyring, which is other people's code: it may raise anything, and may wait for a person for ever.

It is asked on a thread that ends with the process, so that one that hangs holds up neither a cell nor Python's end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from ..errors import ConfigurationError

T = TypeVar("T")

ANSWERS_WITHIN = 15.0
"""Seconds: a person may have to unlock it first."""

_lock = threading.Lock()
_asking: threading.Thread | None = None


def asked(question: Callable[[Any], T]) -> T:
    """The answer of `question`, which is given the module `keyring`.

    Raises:
        ConfigurationError: the package is not installed, or the keyring did not answer in time, now or the last time.
    """
    global _asking
    answers: list[T] = []
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            import keyring

            answers.append(question(keyring))
        except BaseException as error:
            errors.append(error)

    with _lock:
        if not hangs():
            _asking = thread = threading.Thread(target=ask, name="nbagents-keyring", daemon=True)
            thread.start()
            thread.join(ANSWERS_WITHIN)
    if answers:
        return answers[0]
    if not errors:
        raise ConfigurationError("the keyring does not answer: is it waiting to be unlocked?")
    if isinstance(errors[0], ModuleNotFoundError) and errors[0].name == "keyring":
        raise ConfigurationError('keys are kept by the keyring package: pip install "nbagents[keys]"')
    raise errors[0]


def hangs() -> bool:
    """Whether a question is still without an answer."""
    return _asking is not None and _asking.is_alive()
