"""A team's state as JSON, in AutoGen's shape (``TeamState``), portable between teams with the same participants.

Fields that AutoGen does not have are added where it ignores them: `termination_condition` beside the agents'
states, and in the state of the order of speaking: `speaking` (who was asked and has not answered), `hears` (how much of
their buffer they hear in this turn, if not all), `unsaid` (answers that were not told yet), `judged` (so much of the
thread the condition has seen) and `latest_run` (of a team within a team).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..conditions.saved import condition_state, restore_condition
from ..messages import BaseChatMessage, dump_all
from .participant import Message, Spoken

if TYPE_CHECKING:
    from .group_chat import BaseGroupChat

VERSION = "1.0.0"


async def saved(team: BaseGroupChat) -> dict[str, Any]:
    """The state of `team`, as of its last complete turn."""
    states: dict[str, Any] = {}
    for name in team._participant_names:
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
    states[team.manager_name] |= _in_the_middle(team)
    state = {"type": "TeamState", "version": VERSION, "agent_states": states}
    if team._termination_condition is not None:
        state["termination_condition"] = await condition_state(team._termination_condition)
    return state


async def load(team: BaseGroupChat, state: Mapping[str, Any]) -> None:
    """Give `team` a state that `saved` made.

    Raises:
        ValueError: a participant is missing in the state, or it has another shape.
    """
    states = _part(state, "agent_states", Mapping)
    for name in [*team._participant_names, team.manager_name]:
        if name not in states:
            raise ValueError(f"Agent state for {name} not found in the saved state.")
    create = team._types.factory.create
    place = states[team.manager_name]
    thread = [create(message) for message in _part(place, "message_thread", list)]
    buffers = {
        name: [_buffered(create(message)) for message in _part(states[name], "message_buffer", list)]
        for name in team._participant_names
    }
    for name in team._participant_names:
        await team._seat(name).load_state(_part(states[name], "agent_state", Mapping))
    team._hearing.load(buffers)
    team._thread = thread
    team._current_turn = int(place.get("current_turn", 0))
    _take_the_middle(team, place, buffers)
    team._take_place(place)
    if team._termination_condition is not None:
        await restore_condition(team._termination_condition, state.get("termination_condition"))


def _in_the_middle(team: BaseGroupChat) -> dict[str, Any]:
    """What there is to say of a turn that is not complete, or of a run within another one."""
    heard = {name: len(messages) for name, (messages, _) in team._hears.items()}
    found: dict[str, Any] = {
        "speaking": list(team._asked),
        "hears": {name: count for name, count in heard.items() if count < len(team._hearing.unheard(name)[0])},
        "unsaid": {name: dump_all(spoken.delta) for name, spoken in team._unsaid.items()},
        "latest_run": team._latest.dump(),
    }
    if team._judged < len(team._thread):
        found["judged"] = team._judged
    return {name: value for name, value in found.items() if value or name == "judged"}


def _take_the_middle(
    team: BaseGroupChat, place: Mapping[str, Any], buffers: Mapping[str, list[BaseChatMessage]]
) -> None:
    create = team._types.factory.create
    team._asked = [name for name in place.get("speaking", ()) if name in team._participant_names]
    hears = {name: int(count) for name, count in place.get("hears", {}).items() if name in team._asked}
    team._hears = {name: (buffers[name][:count], (count, 0)) for name, count in hears.items()}
    unsaid = {name: said for name, said in place.get("unsaid", {}).items() if name in team._asked}
    team._unsaid = {name: _answer([create(part) for part in said]) for name, said in unsaid.items()}
    for name in team._unsaid:
        team._hears.setdefault(name, team._hearing.unheard(name))
    team._judged = int(place.get("judged", len(team._thread)))
    team._latest.load(place.get("latest_run", {}))


def _answer(delta: list[Any]) -> Spoken:
    """An agent's answer with what led to it; only agents have such that was not told."""
    return Spoken(delta, delta[-1:], untold=delta[-1:])


def _part(state: Any, name: str, kind: type) -> Any:
    """The field `name` of a part of a state; an empty one where it is left out, as a state written by hand may do."""
    part = state.get(name, [] if kind is list else {}) if isinstance(state, Mapping) else None
    if not isinstance(part, kind):
        raise ValueError(f"Invalid state format. Expected a field {name!r} ({kind.__name__}) in {str(state)[:100]!r}.")
    return part


def _buffered(message: Message) -> BaseChatMessage:
    if not isinstance(message, BaseChatMessage):
        raise ValueError(f"Invalid message type in message buffer: {type(message)}: agents hear chat messages only.")
    return message
