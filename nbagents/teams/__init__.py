"""Who speaks next."""

from .digraph import DiGraph, DiGraphEdge, DiGraphNode
from .digraph_builder import DiGraphBuilder
from .graph_flow import GraphFlow
from .group_chat import BaseGroupChat
from .magentic_one import MagenticOneGroupChat
from .round_robin import RoundRobinGroupChat
from .selector_group_chat import SelectorGroupChat
from .swarm import Swarm
from .team import Team

__all__ = [
    "BaseGroupChat",
    "DiGraph",
    "DiGraphBuilder",
    "DiGraphEdge",
    "DiGraphNode",
    "GraphFlow",
    "MagenticOneGroupChat",
    "RoundRobinGroupChat",
    "SelectorGroupChat",
    "Swarm",
    "Team",
]
