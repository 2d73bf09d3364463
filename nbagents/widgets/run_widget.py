"""The live view of a run as a widget.

It holds no state: nothing about a run is a trait, because a trait that grows wedges the cell and would be saved in
the notebook. Everything goes by custom messages; see `screen` for what the kernel says, `replies` for the browser.
"""

from __future__ import annotations

from pathlib import Path

import anywidget

STATIC = Path(__file__).parent / "static"


class RunWidget(anywidget.AnyWidget):
    """The browser's end of one run's screen."""

    _esm = STATIC / "run.js"
    _css = STATIC / "run.css"
