"""The attributes by which subclasses of AutoGen's agents reach for their parts, where these are held otherwise here.

They are private there as well, but a subclass that asks its model itself has no other way to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..models.client import ChatCompletionClient
from ..tools import BaseTool, Workbench
from .handoff import Handoff
from .model_turn import AgentModel
from .toolbox import Toolbox


class AsksModel:
    """An agent with a model, which may be changed."""

    _agent_model: Any = None  # an AgentModel; None where the agent does without, and before it is made

    @property
    def _model_client(self) -> Any:
        return self._agent_model.client if self._agent_model is not None else None

    @_model_client.setter
    def _model_client(self, client: ChatCompletionClient) -> None:
        self._agent_model = AgentModel(getattr(self, "_name", ""), client, stream=self._model_client_stream)

    @property
    def _model_client_stream(self) -> bool:
        return self._agent_model is not None and bool(self._agent_model.stream)

    @_model_client_stream.setter
    def _model_client_stream(self, stream: bool) -> None:
        self._agent_model.stream = stream


class HasToolbox:
    """An agent with tools, whose workbenches may be changed."""

    _toolbox: Toolbox

    @property
    def _workbench(self) -> list[Workbench]:
        return self._toolbox.workbenches

    @_workbench.setter
    def _workbench(self, workbenches: Sequence[Workbench]) -> None:
        self._toolbox.workbenches = list(workbenches)

    @property
    def _handoffs(self) -> dict[str, Handoff]:
        return self._toolbox.handoffs

    @property
    def _handoff_tools(self) -> list[BaseTool[Any, Any]]:
        return list(self._toolbox.handoff_tools.values())
