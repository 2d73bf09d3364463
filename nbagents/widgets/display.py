"""One place in a cell's output, published to while the cell runs and replaced later."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from IPython.core.display_functions import publish_display_data

from ..kernel.cell import Cell


class CellDisplay:
    """Publishes into `cell`, from any task of it, also after it has ended."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._id = uuid.uuid4().hex
        self._published = False

    def publish(self, data: Mapping[str, Any], during: Cell | None = None) -> None:
        """Show `data`; the second and later calls replace what the first one showed.

        Args:
            data: what is shown, by MIME type.
            during: the cell that executes now, where that is another one: nbclient hears of no other.
        """
        # A copy: the context itself is entered already when a task of the cell calls this.
        (during or self._cell).context.copy().run(
            publish_display_data, dict(data), {}, transient={"display_id": self._id}, update=self._published
        )
        self._published = True
