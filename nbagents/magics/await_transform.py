"""Rewrites a run cell to ``await``: IPython's magics are synchronous, and a run cell awaits its run.

Works on cells as IPython has already transformed them, so ``%%team run``, ``%team run``, ``x = %team run`` and their
indented forms are all there is.
"""

from __future__ import annotations

import re
from collections.abc import Callable

RUN_CALL = re.compile(
    r"""^(?P<indent>\s*)(?P<target>[\w.\[\]'", ]+?\s*=\s*)?"""
    r"""(?P<call>get_ipython\(\)\.run_(?:cell|line)_magic\('team', ['"]\s*run\b.*\))(?P<end>;?\s*)$""",
    re.S,
)


def await_runs(lines: list[str]) -> list[str]:
    """An input transformer for ``ip.input_transformers_post``."""
    return [_rewritten(line) if "_magic('team'" in line else line for line in lines]


def _rewritten(line: str) -> str:
    match = RUN_CALL.match(line)
    if match is None:
        return line
    if match["target"]:
        return f"{match['indent']}{match['target']}await {match['call']}{match['end']}"
    # The run has shown itself: the semicolon keeps IPython from showing the value once more.
    newline = "\n" if line.endswith("\n") else ""
    return f"{match['indent']}await {match['call']};{newline}"


def transformers(ip: object) -> list[Callable[[list[str]], list[str]]]:
    """The list of `ip` that `await_runs` belongs in."""
    return ip.input_transformers_post  # type: ignore[attr-defined, no-any-return]  # IPython is partly untyped
