"""The states that agents and teams save: AutoGen's JSON shapes, as pydantic models.

Each has a `type` and a `version`. Fields that AutoGen does not have are added and never renamed, so that a state
saved by either loads in the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field


class BaseState(BaseModel):
    """The state of what remembers nothing."""

    # Most of these are never used in a process: they are made ready at their first use.
    model_config = ConfigDict(defer_build=True)

    type: str = "BaseState"
    version: str = "1.0.0"
    added: ClassVar[frozenset[str]] = frozenset()
    """The fields that AutoGen does not have."""

    def dump(self) -> dict[str, Any]:
        """The state as JSON; what AutoGen does not have is left out while it says nothing."""
        # The fields hold JSON already; to walk through it once more would cost as much as to make it did.
        return {name: value for name, value in self if value or name not in self.added}


class AssistantAgentState(BaseState):
    """An agent's model context, and what it holds besides."""

    type: str = "AssistantAgentState"
    added = frozenset({"unfinished", "workbench", "memory"})
    llm_context: Mapping[str, Any] = Field(default_factory=lambda: {"messages": []})
    unfinished: list[str] = Field(default_factory=list)
    """Ids of messages of a turn that has not ended: they are in the context already."""
    workbench: list[Mapping[str, Any]] = Field(default_factory=list)
    """The states of the workbenches, in order; empty when none of them remembers anything."""
    memory: list[Mapping[str, Any]] = Field(default_factory=list)
    """The states of the memories, likewise."""


class CodeExecutorAgentState(BaseState):
    """The model context of an agent that writes and runs code."""

    type: str = "CodeExecutorAgentState"
    added = frozenset({"unfinished"})
    llm_context: Mapping[str, Any] = Field(default_factory=lambda: {"messages": []})
    unfinished: list[str] = Field(default_factory=list)


class SocietyOfMindAgentState(BaseState):
    """The inner team's state, and what the agent heard before."""

    type: str = "SocietyOfMindAgentState"
    added = frozenset({"llm_context", "discussing"})
    inner_team_state: Mapping[str, Any] = Field(default_factory=dict)
    llm_context: Mapping[str, Any] | None = None
    discussing: bool = False
    """The inner team was in the middle of a turn."""


class MessageFilterAgentState(BaseState):
    """The state of the agent behind a filter."""

    type: str = "MessageFilterAgentState"
    wrapped_agent_state: Mapping[str, Any] = Field(default_factory=dict)


class ChatAgentContainerState(BaseState):
    """A participant: its own state, and what it has not heard yet."""

    type: str = "ChatAgentContainerState"
    agent_state: Mapping[str, Any] = Field(default_factory=dict)
    message_buffer: list[Mapping[str, Any]] = Field(default_factory=list)


class BaseGroupChatManagerState(BaseState):
    """What every team knows of its conversation."""

    type: str = "BaseGroupChatManagerState"
    message_thread: list[Mapping[str, Any]] = Field(default_factory=list)
    current_turn: int = 0


class RoundRobinManagerState(BaseGroupChatManagerState):
    """Who is next."""

    type: str = "RoundRobinManagerState"
    next_speaker_index: int = 0


class SelectorManagerState(BaseGroupChatManagerState):
    """Who spoke last."""

    type: str = "SelectorManagerState"
    previous_speaker: str | None = None


class SwarmManagerState(BaseGroupChatManagerState):
    """Who has the conversation in hand."""

    type: str = "SwarmManagerState"
    current_speaker: str = ""


class MagenticOneOrchestratorState(BaseGroupChatManagerState):
    """The orchestrator's task, what it knows, and what it means to do."""

    type: str = "MagenticOneOrchestratorState"
    task: str = ""
    facts: str = ""
    plan: str = ""
    n_rounds: int = 0
    n_stalls: int = 0


class TeamState(BaseState):
    """The states of all participants, and of who chooses among them."""

    type: str = "TeamState"
    agent_states: Mapping[str, Any] = Field(default_factory=dict)
