"""A memory that is a list, told whole and in order. Name and JSON shape are AutoGen's.

It is told once, before the conversation, however many turns that has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import Field

from ..cancellation import CancellationToken
from ..component import Component, ComponentConfig
from .context import ChatCompletionContext
from .memory import Memory, MemoryContent, MemoryQueryResult, UpdateContextResult


class ListMemoryConfig(ComponentConfig):
    """A `ListMemory` as JSON."""

    name: str | None = None
    memory_contents: list[MemoryContent] = Field(default_factory=list)


class ListMemory(Memory, Component[ListMemoryConfig]):
    """Remembers things in the order in which they were added.

    Args:
        name: what it is called.
        memory_contents: what it knows from the start.
    """

    component_config_schema = ListMemoryConfig

    def __init__(self, name: str | None = None, memory_contents: Sequence[MemoryContent] | None = None) -> None:
        self._name = name or "default_list_memory"
        self._contents = list(memory_contents or ())

    @property
    def name(self) -> str:
        """What it is called."""
        return self._name

    @property
    def content(self) -> list[MemoryContent]:
        """Everything, oldest first."""
        return self._contents

    @content.setter
    def content(self, value: Sequence[MemoryContent]) -> None:
        self._contents = list(value)

    async def update_context(self, model_context: ChatCompletionContext) -> UpdateContextResult:
        """Tell everything before the conversation, in place of what was told there before."""
        lines = [f"{number}. {item.as_text()}" for number, item in enumerate(self._contents, 1)]
        await model_context.pin(self, "\n".join(["Remembered, oldest first:", *lines]) if lines else "")
        return UpdateContextResult(memories=MemoryQueryResult(results=list(self._contents)))

    async def query(
        self,
        query: str | MemoryContent = "",
        cancellation_token: CancellationToken | None = None,
        **kwargs: Any,
    ) -> MemoryQueryResult:
        """Everything, whatever is asked: a list knows no relevance."""
        return MemoryQueryResult(results=list(self._contents))

    async def add(self, content: MemoryContent, cancellation_token: CancellationToken | None = None) -> None:
        """Remember one thing more."""
        self._contents.append(content)

    async def clear(self) -> None:
        """Forget everything."""
        self._contents = []

    async def close(self) -> None:
        """Nothing is held."""
        return None

    async def save_state(self) -> Mapping[str, Any]:
        """What is remembered, as JSON."""
        return ListMemoryConfig(memory_contents=self._contents).model_dump(mode="json", exclude={"name"})

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `save_state` saved.

        Raises:
            pydantic.ValidationError: it is not a state of a `ListMemory`.
        """
        self._contents = ListMemoryConfig.model_validate(state).memory_contents

    def _to_config(self) -> ListMemoryConfig:
        return ListMemoryConfig(name=self._name, memory_contents=self._contents)

    @classmethod
    def _from_config(cls, config: ListMemoryConfig) -> Self:
        return cls(config.name, config.memory_contents)
