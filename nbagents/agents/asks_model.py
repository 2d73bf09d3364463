"""`AsksModel`: an agent's model under the attributes by which subclasses of AutoGen's agents know it.

They are private there as well, but a subclass that asks its model itself has no other way to it.
"""

from __future__ import annotations

from typing import Any

from ..models.client import ChatCompletionClient
from .model_turn import AgentModel


class AsksModel:
    """An agent with a model, which may be changed or taken away.

    A subclass may set these before the agent itself is made: it keeps its arguments under the names that it knows.
    """

    _agent_model: Any = None  # an AgentModel; None where the agent does without, and before it is made

    @property
    def _model_client(self) -> Any:
        return self._agent_model.client if self._agent_model is not None else None

    @_model_client.setter
    def _model_client(self, client: ChatCompletionClient | None) -> None:
        name, stream = getattr(self, "_name", ""), self._model_client_stream
        self._agent_model = None if client is None else AgentModel(name, client, stream=stream)

    @property
    def _model_client_stream(self) -> bool:
        return self._agent_model is not None and bool(self._agent_model.stream)

    @_model_client_stream.setter
    def _model_client_stream(self, stream: bool) -> None:
        if self._agent_model is not None:  # without a model there is nothing to stream
            self._agent_model.stream = stream
