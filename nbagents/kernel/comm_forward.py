"""Forwards comm messages while a cell awaits, on ipykernel 6.x: what 7.4 does by itself.

Without it a page that is reloaded while a run cell awaits stays at "Loading widget...": the messages by which it
asks for the widgets' state wait behind the cell. Messages of one comm are never overtaken by later ones of the same
comm.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from .cells_in_flight import CellsInFlight
from .comm_message import peek


class CommForward:
    """Receives the shell messages of an ipykernel 6.x kernel in place of `schedule_dispatch`."""

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._cells = CellsInFlight.of(kernel.shell)
        self._queued: Counter[str] = Counter()
        self.queue = partial(kernel.schedule_dispatch, kernel.dispatch_shell)
        """ipykernel's own way: behind all that is queued."""

    def __call__(self, message: list[Any]) -> None:
        """Dispatch a comm message at once if a cell awaits, everything else in its turn."""
        peeked = peek(self._kernel.session, message)
        if peeked is None:
            self.queue(message)
            return
        comm_id = str(peeked[1].get("comm_id"))
        if len(self._cells) and not self._queued[comm_id]:
            self._dispatch(message)
        else:
            self._queued[comm_id] += 1
            self._kernel.schedule_dispatch(self._dispatch_queued, comm_id, message)

    async def _dispatch_queued(self, comm_id: str, message: list[Any]) -> None:
        self._queued[comm_id] -= 1
        if not self._queued[comm_id]:
            del self._queued[comm_id]
        await self._kernel.dispatch_shell(message)

    def _dispatch(self, message: list[Any]) -> None:
        """Handle it now. Nothing else runs until it is done, so that the cell never sees the other parent."""
        kernel = self._kernel
        idents, frames = kernel.session.feed_identities(message, copy=False)
        try:
            parsed = kernel.session.deserialize(frames, content=True, copy=False)
        except Exception:
            kernel.log.exception("Invalid Message")
            return
        cell_ident, cell_parent = kernel._parent_ident["shell"], kernel.get_parent("shell")
        kernel.set_parent(idents, parsed, channel="shell")
        kernel._publish_status("busy", "shell")
        try:
            kernel.shell_handlers[parsed["header"]["msg_type"]](kernel.shell_stream, idents, parsed)
        except Exception:
            kernel.log.exception("Exception in message handler:")
        finally:
            # The front end's trait sync waits for this idle; that the cell is busy must be said again.
            kernel._publish_status("idle", "shell")
            kernel.set_parent(cell_ident, cell_parent, channel="shell")
            kernel._publish_status("busy", "shell")
