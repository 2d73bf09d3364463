"""What the `config` of every team's component has, and how a team is made of it. Names and fields are AutoGen's.

A runtime, message types of the user's own and functions (a selector, a condition of an edge) are not part of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..agents.agent_port import ChatAgent
from ..component import ComponentConfig, ComponentLoader, ComponentModel
from ..conditions import TerminationCondition
from .team import Team

if TYPE_CHECKING:
    from .conversation import Conversation


class TeamConfig(ComponentConfig):
    """What all teams have."""

    name: str | None = None
    description: str | None = None
    participants: list[ComponentModel]
    termination_condition: ComponentModel | None = None
    max_turns: int | None = None
    emit_team_events: bool = False


def fields_of(team: Conversation) -> dict[str, Any]:
    """The fields of `TeamConfig`.

    Raises:
        NotImplementedError: a participant or the condition cannot be said in JSON.
    """
    condition = team._termination_condition
    return {
        "name": team.name,
        "description": team.description,
        "participants": [participant.dump_component() for participant in team._participants],
        "termination_condition": condition.dump_component() if condition is not None else None,
        "max_turns": team._max_turns,
        "emit_team_events": team._emit_team_events,
    }


def arguments_of(config: TeamConfig) -> dict[str, Any]:
    """The arguments of a team that `config` says; names that it does not say are left to the defaults.

    Raises:
        TypeError: a participant is neither an agent nor a team.
    """
    condition = config.termination_condition
    said = {"name": config.name, "description": config.description}
    return {
        **{name: value for name, value in said.items() if value is not None},
        "participants": [_participant(participant) for participant in config.participants],
        "termination_condition": TerminationCondition.load_component(condition) if condition else None,
        "max_turns": config.max_turns,
        "emit_team_events": config.emit_team_events,
    }


def _participant(model: ComponentModel) -> ChatAgent | Team:
    loaded = ComponentLoader.load_component(model, object)
    if not isinstance(loaded, ChatAgent | Team):
        raise TypeError(f"Expected type does not match: participant {model.provider!r} is neither an agent nor a team")
    return loaded
