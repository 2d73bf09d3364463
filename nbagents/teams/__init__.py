"""Who speaks next. Each team is imported when it is asked for: a round robin costs no graph and no orchestrator."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .digraph import DiGraph, DiGraphEdge, DiGraphNode
    from .digraph_builder import DiGraphBuilder
    from .graph_flow import GraphFlow
    from .group_chat import BaseGroupChat
    from .magentic_one import MagenticOneGroupChat
    from .round_robin import RoundRobinGroupChat
    from .selector_group_chat import SelectorGroupChat
    from .swarm import Swarm
    from .team import Team
    from .team_tool import TeamTool

_MODULES = {
    "BaseGroupChat": "group_chat",
    "DiGraph": "digraph",
    "DiGraphBuilder": "digraph_builder",
    "DiGraphEdge": "digraph",
    "DiGraphNode": "digraph",
    "GraphFlow": "graph_flow",
    "MagenticOneGroupChat": "magentic_one",
    "RoundRobinGroupChat": "round_robin",
    "SelectorGroupChat": "selector_group_chat",
    "Swarm": "swarm",
    "Team": "team",
    "TeamTool": "team_tool",
}

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
    "TeamTool",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
