"""How far a graph has been walked: which edges have fired, and who is ready to speak.

A node becomes ready when a group of edges to it is complete; when it is asked to speak its complete groups are
armed again, which is what lets a loop go round. Everything is in the counters, so that saved counters go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..messages import BaseChatMessage
from .digraph import DiGraph


class GraphExecution:
    """The walk through one graph."""

    def __init__(self, graph: DiGraph) -> None:
        self._graph = graph
        self.restart()

    def restart(self) -> None:
        """Begin at the start nodes."""
        self._remaining = self._graph.get_remaining_map()
        self._any = {target: dict.fromkeys(groups, False) for target, groups in self._remaining.items()}
        starts = self._graph.get_start_nodes()
        self._ready = [name for name in self._graph.nodes if name in starts]

    @property
    def over(self) -> bool:
        """Nobody is ready to speak."""
        return not self._ready

    def next(self) -> Sequence[str]:
        """Everybody who is ready; they are taken as asked, and wait for their edges anew."""
        asked, self._ready = self._ready, []
        whole = self._graph.get_remaining_map() if asked else {}
        for name in asked:
            for group, remaining in self._remaining.get(name, {}).items():
                if remaining <= 0:
                    self._remaining[name][group] = whole[name][group]
                self._any[name][group] = False
        return asked

    def answered(self, name: str, message: BaseChatMessage) -> None:
        """`name` said `message`: fire the edges that leave it. A condition that raises leaves everything as it was."""
        for edge in [edge for edge in self._graph.nodes[name].edges if edge.check_condition(message)]:
            target, group = edge.target, edge.activation_group
            if self._graph.activation_of(edge) == "any":
                complete, self._any[target][group] = not self._any[target][group], True
            else:
                self._remaining[target][group] -= 1
                complete = self._remaining[target][group] == 0
            if complete and target not in self._ready:
                self._ready.append(target)

    def dump(self) -> dict[str, Any]:
        """The walk as JSON."""
        return {
            "remaining": {target: dict(groups) for target, groups in self._remaining.items()},
            "enqueued_any": {target: dict(groups) for target, groups in self._any.items()},
            "ready": list(self._ready),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take back what `dump` gave; what it does not say is as at the start."""
        self.restart()
        for target, groups in state.get("remaining", {}).items():
            self._remaining.get(target, {}).update(groups)
        for target, groups in state.get("enqueued_any", {}).items():
            self._any.get(target, {}).update(groups)
        self._ready = [name for name in state.get("ready", self._ready) if name in self._graph.nodes]
