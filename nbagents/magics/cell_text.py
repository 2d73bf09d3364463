"""Keeps the text of our cells as it was typed.

Before IPython looks for a magic it takes out of a cell what looks like a prompt (``>>> ``, ``In [1]: ``) and spaces on
lines of their own, and it refuses a cell magic with nothing below it. A task or an instruction may well quote a
prompt, and a task may stand on the first line alone. So our cells become their call before anything else is done.
"""

from __future__ import annotations

import re

CELL = re.compile(r"%%(?P<magic>team|agent)[ \t]+(?P<line>.*)")


def keep_text(lines: list[str]) -> list[str]:
    """One of IPython's cleanup transforms; it must come first."""
    first = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    match = CELL.match(lines[first]) if first < len(lines) else None
    if match is None:
        return lines
    body = "".join(lines[first + 1 :]) or "\n"
    return [f"get_ipython().run_cell_magic({match['magic']!r}, {match['line'].rstrip()!r}, {body!r})\n"]


# While a cell is still being typed (consoles ask whether it is complete) it must stay what it is.
keep_text.has_side_effects = True  # type: ignore[attr-defined]  # IPython's own mark, on a plain function
