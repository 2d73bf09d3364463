"""States of the parts of an agent that may have one: workbenches and memories, of ours or of users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


async def memory_states(memories: Sequence[Any]) -> list[Mapping[str, Any]]:
    """The states in order, that of an empty memory too: loading it must forget. [] when none of them has a state."""
    states = await _states(memories)
    return states if any(states) else []


async def workbench_states(workbenches: Sequence[Any]) -> list[Mapping[str, Any]]:
    """The states in order; [] when none of their tools remembers anything, as is usual."""
    states = await _states(workbenches)
    return states if any(_says_something(state) for state in states) else []


async def load_states(parts: Sequence[Any], states: Sequence[Mapping[str, Any]]) -> None:
    """Give each part its state back."""
    for part, state in zip(parts, states, strict=False):
        if state and hasattr(part, "load_state"):
            await part.load_state(state)


async def _states(parts: Sequence[Any]) -> list[Mapping[str, Any]]:
    return [await part.save_state() if hasattr(part, "save_state") else {} for part in parts]


def _says_something(state: Any) -> bool:
    """True when there is more in it than its type."""
    if isinstance(state, Mapping):
        return any(_says_something(value) for key, value in state.items() if key not in ("type", "version"))
    return state is not None and state != []
