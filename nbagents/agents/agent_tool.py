"""`AgentTool`: an agent that another agent's model can call. Name and signature are AutoGen's."""

from __future__ import annotations

from .chat_agent import BaseChatAgent
from .task_runner_tool import TaskRunnerTool


class AgentTool(TaskRunnerTool):
    """An agent as a tool with its name and description, which takes a task and returns what the agent said.

    Args:
        agent: who works on the task; it remembers earlier calls.
        return_value_as_last_message: the model is told the last message only.
    """

    def __init__(self, agent: BaseChatAgent, return_value_as_last_message: bool = False) -> None:
        super().__init__(agent, agent.name, agent.description, return_value_as_last_message)
