"""A workbench of tools that are given once, some perhaps under another name.

Names and texts are those of AutoGen's ``autogen_core.tools``; streaming knows the other names, too.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field

from ..cancellation import CancellationToken
from ..component import Component, ComponentBase, ComponentConfig, ComponentModel
from ..errors import HumanInputUnavailable, JournalError, RunStopped
from .results import ToolResult
from .schema import ToolSchema
from .tool import BaseTool, StreamTool, Tool
from .workbench import StreamWorkbench, Workbench

ENDS_THE_RUN = (RunStopped, HumanInputUnavailable, JournalError)
"""What no model can do anything about: it ends the run and is never told as a tool's result."""


class ToolOverride(BaseModel):
    """What a tool is called, and said to be for, in place of its own words."""

    model_config = ConfigDict(defer_build=True)

    name: str | None = None
    description: str | None = None


class StaticWorkbenchState(BaseModel):
    """The states of the tools, by their own names."""

    model_config = ConfigDict(defer_build=True)

    type: Literal["StaticWorkbenchState"] = "StaticWorkbenchState"
    tools: dict[str, Mapping[str, Any]] = Field(default_factory=dict)


class StaticWorkbenchConfig(ComponentConfig):
    """The tools, and what they are called."""

    tools: list[ComponentModel] = Field(default_factory=list)
    tool_overrides: dict[str, ToolOverride] = Field(default_factory=dict)


class StaticWorkbench(Workbench, Component[StaticWorkbenchConfig]):
    """Tools that are given once.

    Args:
        tools: the tools.
        tool_overrides: other names and descriptions, by the tools' own names.

    Raises:
        ValueError: two tools would have the same name.
    """

    component_config_schema = StaticWorkbenchConfig

    def __init__(self, tools: Sequence[Tool], tool_overrides: Mapping[str, ToolOverride] | None = None) -> None:
        self._tools = list(tools)
        self._tool_overrides = dict(tool_overrides or {})
        self._by_name = _named(self._tools, self._tool_overrides)

    @property
    def tools(self) -> Sequence[Tool]:
        """The tools."""
        return self._tools

    async def list_tools(self) -> list[ToolSchema]:
        """The tools' schemas, with their other names and descriptions."""
        return [self._schema(tool) for tool in self._tools]

    def requires_approval(self, name: str) -> bool:
        """True when the tool called `name` says that a person must agree to each call."""
        return bool(getattr(self._find(name), "requires_approval", False))

    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        call_id: str | None = None,
    ) -> ToolResult:
        """Call one tool; an unknown tool, unfit arguments or an error in the tool is a result with `is_error`."""
        tool = self._find(name)
        if tool is None:
            return _not_found(name)
        try:
            value = await tool.run_json(arguments or {}, cancellation_token or CancellationToken(), call_id=call_id)
            return ToolResult.of_text(name, tool.return_value_as_string(value))
        except ENDS_THE_RUN:
            raise
        except Exception as error:
            return ToolResult.of_text(name, error_text(error), is_error=True)

    async def save_state(self) -> Mapping[str, Any]:
        """The states of all tools."""
        states = {tool.name: await tool.save_state_json() for tool in self._tools}
        return StaticWorkbenchState(tools=states).model_dump()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore the states of the tools that are in `state`.

        Raises:
            pydantic.ValidationError: it is not a state of a `StaticWorkbench`.
        """
        states = StaticWorkbenchState.model_validate(state).tools
        for tool in self._tools:
            if tool.name in states:
                await tool.load_state_json(states[tool.name])

    def _to_config(self) -> StaticWorkbenchConfig:
        tools = [cast(ComponentBase[BaseModel], tool).dump_component() for tool in self._tools]
        return StaticWorkbenchConfig(tools=tools, tool_overrides=self._tool_overrides)

    @classmethod
    def _from_config(cls, config: StaticWorkbenchConfig) -> Self:
        return cls([BaseTool.load_component(tool) for tool in config.tools], config.tool_overrides)

    def _find(self, name: str) -> Tool | None:
        """The tool that is offered as `name`; its own name finds it too, unless another is offered under it."""
        return self._by_name.get(name) or next((tool for tool in self._tools if tool.name == name), None)

    def _schema(self, tool: Tool) -> ToolSchema:
        schema, override = ToolSchema(**tool.schema), self._tool_overrides.get(tool.name)
        if override is not None:
            schema["name"] = override.name or schema["name"]
            schema["description"] = override.description or schema.get("description", "")
        return schema


class StaticStreamWorkbench(StaticWorkbench, StreamWorkbench):
    """Tools that are given once, of which some tell what they do on the way."""

    async def call_tool_stream(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        call_id: str | None = None,
    ) -> AsyncGenerator[Any | ToolResult, None]:
        """As `call_tool`, but yields what a `StreamTool` tells on the way, and the `ToolResult` last."""
        tool, token = self._find(name), cancellation_token or CancellationToken()
        if not isinstance(tool, StreamTool):
            yield await self.call_tool(name, arguments, token, call_id)
            return
        held: list[Any] = []
        try:
            async with aclosing(tool.run_json_stream(arguments or {}, token, call_id=call_id)) as stream:
                async for item in stream:
                    # The last item is the value and not one to show, which is known only when the next one comes.
                    if held:
                        yield held.pop()
                    held.append(item)
            result = ToolResult.of_text(name, tool.return_value_as_string(held[-1] if held else None))
        except ENDS_THE_RUN:
            raise
        except Exception as error:
            if held:
                yield held.pop()
            result = ToolResult.of_text(name, error_text(error), is_error=True)
        yield result


def error_text(error: BaseException) -> str:
    """What a model is told of an error; an error without words is told by its name."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(error_text(one) for one in error.exceptions)
    return str(error) or type(error).__name__


def _not_found(name: str) -> ToolResult:
    return ToolResult.of_text(name, f"Tool {name} not found.", is_error=True)


def _named(tools: Sequence[Tool], overrides: Mapping[str, ToolOverride]) -> dict[str, Tool]:
    """The tools by the names under which they are offered."""
    own = {tool.name for tool in tools}
    if len(own) != len(tools):
        names = [tool.name for tool in tools]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"Tool names must be unique, but more than one tool is called {', '.join(twice)}.")
    for other in renamed(overrides):
        if other in own:
            raise ValueError(
                f"Tool override name '{other}' conflicts with existing tool name. "
                "Override names must not conflict with any tool names."
            )
    return {(overrides.get(tool.name) or ToolOverride()).name or tool.name: tool for tool in tools}


def renamed(overrides: Mapping[str, ToolOverride]) -> dict[str, str]:
    """The tools' own names by their other ones.

    Raises:
        ValueError: two tools have the same other name.
    """
    users: dict[str, str] = {}
    for original, override in overrides.items():
        if not override.name or override.name == original:
            continue
        if override.name in users:
            raise ValueError(
                f"Tool override name '{override.name}' is used by multiple tools: '{users[override.name]}' and "
                f"'{original}'. Override names must be unique."
            )
        users[override.name] = original
    return users
