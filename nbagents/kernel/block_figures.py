"""The matplotlib figures of a block are its own, and those of the user's cell are not there for it.

pyplot has one list of open figures and one current figure. A block that plots while the user's cell is drawing would
draw into the user's figure, and `plt.show()`, or the end of a cell, shows and closes everybody's. So a block has its
own list, which is pyplot's only while the block's code is on the main thread. `Gcf.figs` is semi-private, and has
been that list since 2007.
"""

from __future__ import annotations

import base64
import io
import sys
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class BlockFigures:
    """The figures that one block opened and has not closed."""

    def __init__(self) -> None:
        self._figures: OrderedDict[Any, Any] = OrderedDict()

    @contextmanager
    def current(self) -> Iterator[None]:
        """Within it pyplot sees these figures and no others."""
        helpers = sys.modules.get("matplotlib._pylab_helpers")
        outside = helpers.Gcf.figs if helpers else OrderedDict()
        inline = _inline_state()
        if helpers:
            helpers.Gcf.figs = self._figures
        try:
            yield
        finally:
            helpers = sys.modules.get("matplotlib._pylab_helpers")  # the block may have been the first to import it
            if helpers:
                self._figures, helpers.Gcf.figs = helpers.Gcf.figs, outside
            _restore_inline_state(inline)

    def show_and_close(self, shell: InteractiveShell) -> None:
        """Display what a cell's end would display; called within `current`."""
        pyplot: Any = sys.modules.get("matplotlib.pyplot")
        if pyplot is None or not pyplot.get_fignums():
            return
        try:
            for number in pyplot.get_fignums():
                shell.display_pub.publish(*_format(shell, pyplot.figure(number)))
        finally:
            pyplot.close("all")


def mime_bundle(shell: InteractiveShell, value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """`value` in every form that IPython knows for it, and the metadata of the forms."""
    formatter: Any = shell.display_formatter
    data, metadata = formatter.format(value)
    return data, metadata


def _format(shell: InteractiveShell, figure: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    data, metadata = mime_bundle(shell, figure)
    if not any(mime.startswith("image/") for mime in data):  # a backend for which IPython has no formatter, e.g. Agg
        png = io.BytesIO()
        figure.savefig(png, format="png", bbox_inches="tight")
        data = {"image/png": base64.b64encode(png.getvalue()).decode(), **data}
    return data, metadata


def _inline_state() -> tuple[Any, Any] | None:
    """What the inline backend means to draw at the end of the user's cell."""
    backend: Any = sys.modules.get("matplotlib_inline.backend_inline")
    return (list(backend.show._to_draw), backend.show._draw_called) if backend else None


def _restore_inline_state(state: tuple[Any, Any] | None) -> None:
    backend: Any = sys.modules.get("matplotlib_inline.backend_inline")
    if backend:
        backend.show._to_draw, backend.show._draw_called = state or ([], False)
