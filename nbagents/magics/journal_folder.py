"""Where the journals of a notebook's runs are: ``.nbagents/<notebook>/``, a file for each run."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import JournalError
from ..runtime import Journal, Redactor
from .settings import NBAgents


class JournalFolder:
    """The journals' folder of one notebook; made when the extension is loaded, in the notebook's folder."""

    def __init__(self, settings: NBAgents, namespace: Mapping[str, Any]) -> None:
        self._settings, self._namespace = settings, namespace
        self._home = Path.cwd()  # until a cell changes to another

    @property
    def path(self) -> Path:
        """Where it is; relative as long as it can be: a path of this machine has no business in a notebook."""
        journals = Path(self._settings.journals) / notebook_name(self._namespace)
        return journals if Path.cwd() == self._home else self._home / journals

    def new(self, name: str, redactor: Redactor) -> Journal:
        """A journal of its own for each run of that name: churn.jsonl, churn-2.jsonl, ...

        Raises:
            JournalError: it cannot be written, or there are too many.
        """
        folder = self.path
        for number in range(1, 10_000):
            path = folder / (f"{name}.jsonl" if number == 1 else f"{name}-{number}.jsonl")
            if not path.exists():
                try:
                    return Journal(path, redactor)
                except JournalError as error:
                    if not isinstance(error.__cause__, FileExistsError):
                        raise
        raise JournalError(f"{folder} holds 10,000 journals of {name!r}: delete some or choose another --as")


def notebook_name(namespace: Mapping[str, Any]) -> str:
    """The notebook's file name without suffix, as far as the front end tells it; else "notebook"."""
    path = os.environ.get("JPY_SESSION_NAME") or namespace.get("__vsc_ipynb_file__") or "notebook"
    stem = Path(str(path)).stem
    return re.sub(r"[^\w.-]+", "_", stem).strip("._") or "notebook"
