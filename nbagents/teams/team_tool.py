"""`TeamTool`: a team that an agent's model can call. Name and signature are AutoGen's."""

from __future__ import annotations

from ..agents.task_runner_tool import TaskRunnerTool
from .team import Team


class TeamTool(TaskRunnerTool):
    """A team as a tool that takes a task and returns what was said.

    Args:
        team: who works on the task; it remembers earlier calls.
        name: what the model calls.
        description: what it is for, as the model reads it.
        return_value_as_last_message: the model is told the last message only.
    """

    def __init__(self, team: Team, name: str, description: str, return_value_as_last_message: bool = False) -> None:
        super().__init__(team, name, description, return_value_as_last_message)
