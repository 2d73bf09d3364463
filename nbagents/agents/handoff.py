"""`Handoff`: an agent gives the conversation to another by calling a tool. Name and fields are AutoGen's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field, model_validator

from ..tools import BaseTool, FunctionTool


class Handoff(BaseModel):
    """Whom an agent may hand the conversation to; what is left out follows from `target`.

    A subclass may override `handoff_tool` with a tool of its own, which then runs when the model hands off.

    Raises:
        pydantic.ValidationError: a given `name` is not an identifier.
    """

    target: str
    """The agent (or person) who takes over."""

    description: str = Field(default="")
    """When to hand off, as the model reads it."""

    name: str = Field(default="")
    """What the model calls; ``transfer_to_TARGET`` unless given."""

    message: str = Field(default="")
    """What the target is told."""

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        values, target = dict(given), given.get("target", "")
        if not values.get("description"):
            values["description"] = f"Handoff to {target}."
        if not values.get("name"):
            values["name"] = f"transfer_to_{target}".lower()
        elif not isinstance(values["name"], str):
            raise ValueError(f"Handoff name must be a string: {values['name']}")
        elif not values["name"].isidentifier():
            raise ValueError(f"Handoff name must be a valid identifier: {values['name']}")
        if not values.get("message"):
            values["message"] = f"Transferred to {target}, adopting the role of {target} immediately."
        return values

    @property
    def handoff_tool(self) -> BaseTool[BaseModel, BaseModel]:
        """The tool that the model calls to hand off; it takes nothing and returns `message`."""

        def hand_off() -> str:
            return self.message

        return FunctionTool(hand_off, description=self.description, name=self.name, strict=True)
