"""The state of a condition as JSON, which says whose it is: a team may load a state and stop by another condition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .termination import TerminationCondition


async def condition_state(condition: TerminationCondition) -> dict[str, Any]:
    """What `restore_condition` takes."""
    return {"type": type(condition).__name__, **await condition.save_state()}


async def restore_condition(condition: TerminationCondition, state: Mapping[str, Any] | None) -> None:
    """Let `condition` go on from `state`; where that is none, or one of another condition, it begins anew."""
    if state is not None and state.get("type") == type(condition).__name__:
        await condition.load_state(state)
    else:
        await condition.reset()
