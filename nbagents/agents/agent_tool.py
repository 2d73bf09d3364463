"""`AgentTool`: an agent that another agent's model can call. Name and signature are AutoGen's."""

from __future__ import annotations

from typing import Self

from ..component import Component
from .chat_agent import BaseChatAgent
from .configs import AgentToolConfig
from .task_runner_tool import TaskRunnerTool


class AgentTool(TaskRunnerTool, Component[AgentToolConfig]):
    """An agent as a tool with its name and description, which takes a task and returns what the agent said.

    Args:
        agent: who works on the task; it remembers earlier calls.
        return_value_as_last_message: the model is told the last message only.
    """

    component_config_schema = AgentToolConfig

    def __init__(self, agent: BaseChatAgent, return_value_as_last_message: bool = False) -> None:
        self._agent = agent
        super().__init__(agent, agent.name, agent.description, return_value_as_last_message)

    def _to_config(self) -> AgentToolConfig:
        return AgentToolConfig(
            agent=self._agent.dump_component(), return_value_as_last_message=self._return_value_as_last_message
        )

    @classmethod
    def _from_config(cls, config: AgentToolConfig) -> Self:
        return cls(BaseChatAgent.load_component(config.agent), config.return_value_as_last_message)
