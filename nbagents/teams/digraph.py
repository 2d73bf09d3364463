"""`DiGraph`: who may speak after whom, as data. Names, fields and JSON are AutoGen's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

from pydantic import BaseModel, Field, PrivateAttr, model_validator

from ..messages import BaseChatMessage

Activation = Literal["all", "any"]


class DiGraphEdge(BaseModel):
    """From a node to `target`, if what the node said meets the condition.

    Args:
        target: the node that the edge leads to.
        condition: None for always; a text that must stand in the message; or a function of the message, which
            stays in this process: it is not part of the JSON.
        activation_group: edges into a node may be grouped; the node runs when one of its groups is complete.
        activation_condition: whether all edges of the group must have fired, or any.
    """

    target: str
    condition: str | Callable[[BaseChatMessage], bool] | None = None
    condition_function: Callable[[BaseChatMessage], bool] | None = Field(default=None, exclude=True)
    activation_group: str = ""
    activation_condition: Activation = "all"

    @model_validator(mode="after")
    def _complete(self) -> DiGraphEdge:
        if callable(self.condition):
            self.condition_function, self.condition = self.condition, None
        if not self.activation_group:
            self.activation_group = self.target
        return self

    @property
    def is_conditional(self) -> bool:
        """True when the edge may not fire."""
        return self.condition is not None or self.condition_function is not None

    def check_condition(self, message: BaseChatMessage) -> bool:
        """True when the edge fires after `message`."""
        if self.condition_function is not None:
            return bool(self.condition_function(message))
        return self.condition is None or str(self.condition) in message.to_model_text()


class DiGraphNode(BaseModel):
    """A participant and the edges that leave it; `activation` "any": one edge that fires is enough for it to run."""

    name: str
    edges: list[DiGraphEdge] = Field(default_factory=list)
    activation: Activation = "all"


class DiGraph(BaseModel):
    """Nodes by name; a run begins at `default_start_node`, or at all nodes that no edge leads to."""

    nodes: dict[str, DiGraphNode]
    default_start_node: str | None = None
    _valid: bool = PrivateAttr(default=False)

    def edges(self) -> Iterator[tuple[str, DiGraphEdge]]:
        """All edges, with the node that they leave."""
        for name, node in self.nodes.items():
            for edge in node.edges:
                yield name, edge

    def get_parents(self) -> dict[str, list[str]]:
        """For each node the nodes with an edge to it."""
        parents: dict[str, list[str]] = {name: [] for name in self.nodes}
        for name, edge in self.edges():
            parents.setdefault(edge.target, []).append(name)
        return parents

    def get_start_nodes(self) -> set[str]:
        """Where a run begins."""
        if self.default_start_node:
            return {self.default_start_node}
        return {name for name, parents in self.get_parents().items() if not parents}

    def get_leaf_nodes(self) -> set[str]:
        """Nodes that no edge leaves."""
        return {name for name, node in self.nodes.items() if not node.edges}

    def activation_of(self, edge: DiGraphEdge) -> Activation:
        """Whether one edge of this one's group is enough: as the edge says, or the node that it leads to."""
        return "any" if self.nodes[edge.target].activation == "any" else edge.activation_condition

    def get_remaining_map(self) -> dict[str, dict[str, int]]:
        """How many edges lead to each node, by activation group."""
        remaining: dict[str, dict[str, int]] = {}
        for _, edge in self.edges():
            groups = remaining.setdefault(edge.target, {})
            groups[edge.activation_group] = groups.get(edge.activation_group, 0) + 1
        return remaining

    def get_has_cycles(self) -> bool:
        """True when somebody may speak again after themselves."""
        return self.has_cycles_with_exit()

    def has_cycles_with_exit(self) -> bool:
        """True when the graph has cycles, each with an edge that may not fire.

        Raises:
            ValueError: a cycle never ends: none of its edges has a condition.
        """
        found = False
        for cycle in _cycles(self):
            found = True
            if not any(edge.is_conditional for edge in cycle):
                path = " -> ".join([cycle[-1].target, *(edge.target for edge in cycle)])
                raise ValueError(f"Cycle detected without exit condition: {path}")
        return found

    def graph_validate(self) -> None:
        """Refuse a graph that cannot be run.

        Raises:
            ValueError: no nodes, an edge to nowhere, no start, no leaf, a node whose edges are partly conditional,
                edges of one group that disagree on their activation, or a cycle without an exit.
        """
        if not self.nodes:
            raise ValueError("Graph has no nodes.")
        for name, edge in self.edges():
            if edge.target not in self.nodes:
                raise ValueError(f"The edge {name} -> {edge.target} leads to no node: known are {list(self.nodes)}.")
        if self.default_start_node and self.default_start_node not in self.nodes:
            raise ValueError(f"Default start node {self.default_start_node!r} is no node of {list(self.nodes)}.")
        if not self.get_start_nodes():
            raise ValueError("Graph must have at least one start node")
        if not self.get_leaf_nodes():
            raise ValueError("Graph must have at least one leaf node")
        for node in self.nodes.values():
            if len({edge.is_conditional for edge in node.edges}) > 1:
                raise ValueError(f"Node '{node.name}' has a mix of conditional and unconditional edges.")
        self._check_activations()
        self.has_cycles_with_exit()
        self._valid = True

    def _check_activations(self) -> None:
        first: dict[tuple[str, str], tuple[str, Activation]] = {}
        for name, edge in self.edges():
            group = (edge.target, edge.activation_group)
            who, activation = first.setdefault(group, (name, edge.activation_condition))
            if activation != edge.activation_condition:
                raise ValueError(
                    f"Conflicting activation conditions for target '{edge.target}' group '{edge.activation_group}': "
                    f"'{activation}' (from node '{who}') and '{edge.activation_condition}' (from node '{name}')"
                )


def _cycles(graph: DiGraph) -> Iterator[list[DiGraphEdge]]:
    """The cycles that a walk along the edges closes; one without a condition is among them if there is any.

    Two walks: one along the edges that always fire, which finds every cycle that never ends; then one along all.
    """
    for always in (True, False):
        kept = {
            name: [edge for edge in node.edges if not (always and edge.is_conditional)]
            for name, node in graph.nodes.items()
        }
        yield from _closed(kept)


def _closed(edges: dict[str, list[DiGraphEdge]]) -> Iterator[list[DiGraphEdge]]:
    done: set[str] = set()
    for start in edges:
        if start in done:
            continue
        path: list[tuple[str, Iterator[DiGraphEdge]]] = [(start, iter(edges[start]))]
        taken: list[DiGraphEdge] = []
        while path:
            name, rest = path[-1]
            edge = next(rest, None)
            if edge is None:
                done.add(name)
                path.pop()
                if taken:
                    taken.pop()
                continue
            on_path = [step for step, _ in path]
            if edge.target in on_path:
                yield [*taken[on_path.index(edge.target) :], edge]
            elif edge.target not in done:
                taken.append(edge)
                path.append((edge.target, iter(edges[edge.target])))


def edge_from(target: str, condition: Any, group: str | None, activation: Activation | None) -> DiGraphEdge:
    """An edge with what was said about it."""
    return DiGraphEdge(
        target=target, condition=condition, activation_group=group or target, activation_condition=activation or "all"
    )
