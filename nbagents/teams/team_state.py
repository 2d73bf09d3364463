"""A team's state as JSON, in AutoGen's shape (``TeamState``), portable between teams with the same participants.

Fields that AutoGen does not have are added where it ignores them: `termination_condition` beside the agents'
states, and `speaking` (who was asked and has not answered) in the state of the order of speaking.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from ..messages import BaseChatMessage, dump_all

if TYPE_CHECKING:
    from .group_chat import BaseGroupChat

VERSION = "1.0.0"


async def saved(team: BaseGroupChat) -> dict[str, Any]:
    """The state of `team`, as of its last complete turn."""
    states: dict[str, Any] = {}
    for name in team._names:
        states[name] = {
            "type": "ChatAgentContainerState",
            "version": VERSION,
            "agent_state": dict(await team._seat(name).save_state()),
            "message_buffer": dump_all(team._hearing.unheard(name)[0]),
        }
    states[team.manager_name] = {
        "type": team.state_type,
        "version": VERSION,
        "message_thread": dump_all(team._thread),
        "current_turn": team._current_turn,
        **team._place(),
    }
    if team._asked:
        states[team.manager_name]["speaking"] = list(team._asked)
    state = {"type": "TeamState", "version": VERSION, "agent_states": states}
    condition = team._termination_condition
    if condition is not None and hasattr(condition, "save_state"):
        state["termination_condition"] = dict(await condition.save_state())
    return state


async def load(team: BaseGroupChat, state: Mapping[str, Any]) -> None:
    """Give `team` a state that `saved` made.

    Raises:
        ValueError: a participant is missing in the state, or it has another shape.
    """
    states = _part({"agent_states": {}, **state}, "agent_states", Mapping)
    for name in [*team._names, team.manager_name]:
        if name not in states:
            raise ValueError(f"Agent state for {name} not found in the saved state.")
    create = team._message_factory.create
    place = states[team.manager_name]
    thread = [create(message) for message in _part(place, "message_thread", list)]
    buffers = {
        name: [cast(BaseChatMessage, create(message)) for message in _part(states[name], "message_buffer", list)]
        for name in team._names
    }
    for name in team._names:
        await team._seat(name).load_state(_part(states[name], "agent_state", Mapping))
    team._hearing.load(buffers)
    team._thread = thread
    team._current_turn = int(place.get("current_turn", 0))
    team._asked = [name for name in place.get("speaking", ()) if name in team._names]
    team._take_place(place)
    condition = team._termination_condition
    if condition is not None:
        remembered = state.get("termination_condition")
        if remembered is None or not hasattr(condition, "load_state"):
            await condition.reset()
        else:
            await condition.load_state(remembered)


def _part(state: Any, name: str, kind: type) -> Any:
    """The field `name` of a part of a state."""
    if not isinstance(state, Mapping) or not isinstance(state.get(name), kind):
        raise ValueError(f"Invalid state format. Expected a field {name!r} ({kind.__name__}) in {str(state)[:100]!r}.")
    return state[name]
