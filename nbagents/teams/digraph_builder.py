"""`DiGraphBuilder`: makes a `DiGraph` step by step. Name and methods are AutoGen's."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TypeVar

from ..agents.agent_port import ChatAgent
from ..messages import BaseChatMessage
from .digraph import Activation, DiGraph, DiGraphNode, edge_from

Node = TypeVar("Node", bound="str | ChatAgent")


class DiGraphBuilder:
    """Add nodes, then edges between them, then `build`; every method but the last two returns the builder."""

    def __init__(self) -> None:
        self.nodes: dict[str, DiGraphNode] = {}
        self.agents: dict[str, ChatAgent] = {}
        self._default_start_node: str | None = None

    def add_node(self, agent: ChatAgent, activation: Activation = "all") -> DiGraphBuilder:
        """Add an agent; `activation` "any" lets it speak as soon as one edge to it has fired."""
        self.nodes.setdefault(agent.name, DiGraphNode(name=agent.name, activation=activation))
        self.agents.setdefault(agent.name, agent)
        return self

    def add_edge(
        self,
        source: str | ChatAgent,
        target: str | ChatAgent,
        condition: str | Callable[[BaseChatMessage], bool] | None = None,
        activation_group: str | None = None,
        activation_condition: Activation | None = None,
    ) -> DiGraphBuilder:
        """Let `target` follow `source`, under the condition if there is one (see `DiGraphEdge`).

        Raises:
            ValueError: one of the two was not added before.
        """
        start, end = _name(source), _name(target)
        if start not in self.nodes:
            raise ValueError(f"Source node '{start}' must be added before adding an edge.")
        if end not in self.nodes:
            raise ValueError(f"Target node '{end}' must be added before adding an edge.")
        self.nodes[start].edges.append(edge_from(end, condition, activation_group, activation_condition))
        return self

    def add_conditional_edges(
        self, source: str | ChatAgent, condition_to_target: dict[str, str | ChatAgent]
    ) -> DiGraphBuilder:
        """An edge for each keyword. Deprecated: `add_edge(condition=...)` says the same.

        Raises:
            ValueError: one of the nodes was not added before.
        """
        warnings.warn("add_conditional_edges is deprecated: use add_edge(condition=...)", DeprecationWarning, 2)
        for keyword, target in condition_to_target.items():
            self.add_edge(source, target, condition=keyword)
        return self

    def set_entry_point(self, name: str | ChatAgent) -> DiGraphBuilder:
        """Begin runs at this node.

        Raises:
            ValueError: it was not added before.
        """
        node = _name(name)
        if node not in self.nodes:
            raise ValueError(f"Start node '{node}' must be added before setting as entry point.")
        self._default_start_node = node
        return self

    def build(self) -> DiGraph:
        """The graph.

        Raises:
            ValueError: it cannot be run; see `DiGraph.graph_validate`.
        """
        graph = DiGraph(nodes=self.nodes, default_start_node=self._default_start_node)
        graph.graph_validate()
        return graph

    def get_participants(self) -> list[ChatAgent]:
        """The agents, for `GraphFlow(participants=...)`."""
        return list(self.agents.values())


def _name(node: str | ChatAgent) -> str:
    return node if isinstance(node, str) else node.name
