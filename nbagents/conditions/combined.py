"""Conditions made of conditions: all of them (`&`), or any (`|`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from ..component import Component, ComponentConfig, ComponentModel
from ..messages import BaseAgentEvent, BaseChatMessage, StopMessage
from .saved import condition_state, restore_condition
from .termination import TerminatedException, TerminationCondition


class OrTerminatedException(TerminatedException, RuntimeError):
    """As `TerminatedException`; a `RuntimeError` too, which is what callers of an `|` know to expect."""


class CombinedTerminationConfig(ComponentConfig):
    """The conditions that are combined."""

    conditions: list[ComponentModel]


class _CombinedTermination(TerminationCondition, Component[CombinedTerminationConfig]):
    component_config_schema = CombinedTerminationConfig

    def __init__(self, *conditions: TerminationCondition) -> None:
        self._conditions = conditions

    async def reset(self) -> None:
        for condition in self._conditions:
            await condition.reset()

    async def save_state(self) -> Mapping[str, Any]:
        return {"conditions": [await condition_state(condition) for condition in self._conditions]}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        saved = state["conditions"]
        if [its_state.get("type") for its_state in saved] != [
            type(condition).__name__ for condition in self._conditions
        ]:
            await self.reset()  # it is of another combination
            return
        for condition, its_state in zip(self._conditions, saved, strict=True):
            await restore_condition(condition, its_state)

    def _to_config(self) -> CombinedTerminationConfig:
        return CombinedTerminationConfig(conditions=[condition.dump_component() for condition in self._conditions])

    @classmethod
    def _from_config(cls, config: CombinedTerminationConfig) -> Self:
        return cls(*(TerminationCondition.load_component(condition) for condition in config.conditions))


class AndTerminationCondition(_CombinedTermination):
    """Stops when all of its conditions have said stop, in whatever order. One that has is not asked again."""

    def __init__(self, *conditions: TerminationCondition) -> None:
        super().__init__(*conditions)
        self._stops: list[StopMessage] = []

    @property
    def terminated(self) -> bool:
        return all(condition.terminated for condition in self._conditions)

    async def __call__(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> StopMessage | None:
        if self.terminated:
            raise TerminatedException("Termination condition has already been reached.")
        waiting = [condition for condition in self._conditions if not condition.terminated]
        stops = [stop for condition in waiting if (stop := await condition(messages))]
        self._stops += stops
        return _joined(self._stops) if len(stops) == len(waiting) else None

    async def reset(self) -> None:
        self._stops.clear()
        await super().reset()

    async def save_state(self) -> Mapping[str, Any]:
        return {**await super().save_state(), "stops": [stop.dump() for stop in self._stops]}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        self._stops = [StopMessage.load(stop) for stop in state["stops"]]
        await super().load_state(state)


class OrTerminationCondition(_CombinedTermination):
    """Stops when one of its conditions says stop. All are asked each time."""

    @property
    def terminated(self) -> bool:
        return any(condition.terminated for condition in self._conditions)

    async def __call__(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> StopMessage | None:
        if self.terminated:
            raise OrTerminatedException("Termination condition has already been reached")
        stops = [stop for condition in self._conditions if (stop := await condition(messages))]
        return _joined(stops) if stops else None


def _joined(stops: Sequence[StopMessage]) -> StopMessage:
    return StopMessage(
        content=", ".join(stop.content for stop in stops), source=", ".join(stop.source for stop in stops)
    )
