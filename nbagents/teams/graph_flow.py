"""`GraphFlow`: a graph says who speaks after whom, in parallel where it branches. Name and signature are AutoGen's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from ..agents.agent_port import ChatAgent
from ..cancellation import CancellationToken
from ..component import Component
from ..conditions import TerminationCondition
from ..messages import BaseChatMessage, StopMessage
from .configs import TeamConfig, arguments_of, fields_of
from .digraph import DiGraph
from .graph_execution import GraphExecution
from .group_chat import BaseGroupChat
from .participant import Message, Spoken, Tell, only_agents

COMPLETE = "Digraph execution is complete"


class GraphFlowConfig(TeamConfig):
    """And the graph."""

    graph: DiGraph


class GraphFlow(BaseGroupChat, Component[GraphFlowConfig]):
    """Agents speak along the edges of a graph; all who are ready speak at once, and conditions see every answer.

    A run ends when nobody is ready; the next one begins at the start. One that was stopped before goes on from there.

    Args:
        participants: agents, one for each node.
        graph: who may speak after whom; `DiGraphBuilder` makes one.
        name: what the team is called.
        description: what the team is for.
        termination_condition: when to stop before the end.
        max_turns: turns per run, None for no limit; parallel answers are one turn.
        runtime: where the participants are registered; None for none.
        custom_message_types: message classes of the user's own that may be said here.
        emit_team_events: also show who is chosen to speak.

    Raises:
        TypeError: a participant is no agent.
    """

    component_config_schema = GraphFlowConfig

    DEFAULT_NAME = "GraphFlow"
    DEFAULT_DESCRIPTION = "A team of agents"
    manager_name = "GraphManager"
    state_type = "GraphManagerState"

    def __init__(
        self,
        participants: Sequence[ChatAgent],
        graph: DiGraph,
        *,
        name: str | None = None,
        description: str | None = None,
        termination_condition: TerminationCondition | None = None,
        max_turns: int | None = None,
        runtime: Any = None,
        custom_message_types: Sequence[type[Message]] | None = None,
        emit_team_events: bool = False,
    ) -> None:
        only_agents(participants)
        super().__init__(
            participants,
            name=name,
            description=description,
            termination_condition=termination_condition,
            max_turns=max_turns,
            runtime=runtime,
            custom_message_types=custom_message_types,
            emit_team_events=emit_team_events,
        )
        self._graph = graph
        self._execution: GraphExecution | None = None

    def _check(self, task: Sequence[BaseChatMessage]) -> None:
        self._graph.graph_validate()
        if self._graph.has_cycles_with_exit() and self._termination_condition is None and self._max_turns is None:
            raise ValueError("A termination condition is required for cyclic graphs without a maximum turn limit.")

    @property
    def _walk(self) -> GraphExecution:
        if self._execution is None:
            self._execution = GraphExecution(self._graph)
        return self._execution

    async def _next_speakers(self, tell: Tell, token: CancellationToken) -> Sequence[str] | StopMessage:
        if (end := self._end()) is not None:  # as a loaded state may say
            return StopMessage(content=end, source=self.manager_name)
        return self._walk.next()

    def _end(self) -> str | None:
        """Nobody is ready: the walk is over, and the next run begins at the start."""
        if self._asked or not self._walk.over:
            return None
        self._walk.restart()
        return COMPLETE

    def _spoke(self, speaker: str, spoken: Spoken) -> None:
        self._walk.answered(speaker, spoken.published[-1])

    def _forget(self) -> None:
        self._execution = None

    def _place(self) -> dict[str, Any]:
        walk = self._walk.dump()
        # Who was asked and has not answered is ready for whoever knows nothing of `speaking`.
        return {**walk, "ready": [*self._asked, *walk["ready"]]}

    def _take_place(self, state: Mapping[str, Any]) -> None:
        self._walk.load({**state, "ready": [name for name in state.get("ready", ()) if name not in self._asked]})

    def _to_config(self) -> GraphFlowConfig:
        return GraphFlowConfig(**fields_of(self), graph=self._graph)

    @classmethod
    def _from_config(cls, config: GraphFlowConfig) -> Self:
        return cls(**arguments_of(config), graph=config.graph)
