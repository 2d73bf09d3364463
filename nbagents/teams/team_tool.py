"""`TeamTool`: a team that an agent's model can call. Name and signature are AutoGen's."""

from __future__ import annotations

from typing import Self

from ..agents.task_runner_tool import TaskRunnerTool
from ..component import Component, ComponentConfig, ComponentModel
from .team import Team


class TeamToolConfig(ComponentConfig):
    """A `TeamTool`."""

    name: str
    description: str
    team: ComponentModel
    return_value_as_last_message: bool = False


class TeamTool(TaskRunnerTool, Component[TeamToolConfig]):
    """A team as a tool that takes a task and returns what was said.

    Args:
        team: who works on the task; it remembers earlier calls.
        name: what the model calls.
        description: what it is for, as the model reads it.
        return_value_as_last_message: the model is told the last message only.
    """

    component_config_schema = TeamToolConfig

    def __init__(self, team: Team, name: str, description: str, return_value_as_last_message: bool = False) -> None:
        self._team = team
        super().__init__(team, name, description, return_value_as_last_message)

    def _to_config(self) -> TeamToolConfig:
        return TeamToolConfig(
            name=self.name,
            description=self.description,
            team=self._team.dump_component(),
            return_value_as_last_message=self._return_value_as_last_message,
        )

    @classmethod
    def _from_config(cls, config: TeamToolConfig) -> Self:
        team = Team.load_component(config.team)
        return cls(team, config.name, config.description, config.return_value_as_last_message)
