"""nbagents: teams of agents in a Jupyter notebook.

In a notebook: ``%load_ext nbagents``. In a script: ``nbagents.agents``, ``nbagents.teams``, ``nbagents.conditions``,
``nbagents.models``. Importing this package loads no SDK and opens no socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__version__ = "0.1.0"


def load_ipython_extension(ip: InteractiveShell) -> None:
    """``%load_ext nbagents``"""
    from .magics.extension import load

    load(ip)


def unload_ipython_extension(ip: InteractiveShell) -> None:
    """``%unload_ext nbagents``"""
    from .magics.extension import unload

    unload(ip)
