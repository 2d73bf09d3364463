"""Answers an MCP server that asks for a person: through streams, as AutoGen's does, or through the run.

What a server asks is shown as its words. The answer is held against the schema that it sent, before it gets it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self, TextIO

from pydantic import BaseModel

from ...component import Component, ComponentBase, ComponentConfig
from ...errors import HumanInputUnavailable
from ...models.json_schema import schema_to_pydantic_model
from ...waiting import wait_in_thread
from ..caller import current_caller

if TYPE_CHECKING:
    from mcp.types import ElicitRequestParams, ElicitResult, ErrorData

CHOICES = {"a": "accept", "d": "decline", "c": "cancel"}
ATTEMPTS = 3
"""So often a person is asked again for an answer that does not fit; then it counts as none."""


class Elicitor(ABC, ComponentBase[BaseModel]):
    """Answers servers that ask for a person; users may implement their own."""

    component_type = "mcp_elicitor"

    @abstractmethod
    async def elicit(self, params: ElicitRequestParams) -> ElicitResult | ErrorData:
        """The answer: accept, decline or cancel, and what the server asked for."""


class StreamElicitor(Elicitor):
    """Asks on one stream and reads lines from another.

    Args:
        read_stream: where the answers come from.
        write_stream: where the questions go.
        timeout: seconds to wait for each line; None for ever.
    """

    def __init__(self, read_stream: TextIO, write_stream: TextIO, timeout: float | None = None) -> None:
        self._read_stream, self._write_stream, self._timeout = read_stream, write_stream, timeout

    async def elicit(self, params: ElicitRequestParams) -> ElicitResult:
        """The answer.

        Raises:
            TimeoutError: nobody answered in time.
            ValueError: the answer is no choice, no JSON, or does not fit the server's schema.
        """
        said = await self._asked(f"An MCP server asks: {_words(params)}\n[a]ccept, [d]ecline or [c]ancel? ")
        choice = said.strip().lower()
        action = CHOICES.get(choice, choice)
        schema = _schema(params)
        if action != "accept" or not schema:
            return _result(action)
        told = await self._asked(f"As JSON of this schema, in one line:\n{json.dumps(schema, indent=2)}\n")
        return _result(action, _fitting(told, schema))

    async def _asked(self, question: str) -> str:
        self._write_stream.write(question)
        self._write_stream.flush()
        return await asyncio.wait_for(wait_in_thread(self._read_stream.readline), self._timeout)


class StdioElicitorConfig(ComponentConfig):
    """How long to wait."""

    timeout: float | None = None


class StdioElicitor(StreamElicitor, Component[StdioElicitorConfig]):
    """Asks on this process's standard output and reads from its standard input: for scripts in a terminal."""

    component_config_schema = StdioElicitorConfig

    def __init__(self, timeout: float | None = None) -> None:
        super().__init__(sys.stdin, sys.stdout, timeout)

    @property
    def timeout(self) -> float | None:
        """Seconds to wait for each line."""
        return self._timeout

    def _to_config(self) -> StdioElicitorConfig:
        return StdioElicitorConfig(timeout=self._timeout)

    @classmethod
    def _from_config(cls, config: StdioElicitorConfig) -> Self:
        return cls(config.timeout)


class RunElicitorConfig(ComponentConfig):
    """Nothing to say."""


class RunElicitor(Elicitor, Component[RunElicitorConfig]):
    """Asks the person of the run, where that is asked everything: in the notebook, or in the terminal.

    The reply is "accept", "decline", "cancel", or the JSON that the server asked for; of one value, the value alone.
    """

    component_config_schema = RunElicitorConfig

    async def elicit(self, params: ElicitRequestParams) -> ElicitResult:
        """The answer; cancel when none of several fits.

        Raises:
            HumanInputUnavailable: nobody can be asked.
        """
        caller, schema = current_caller(), _schema(params)
        if caller is None:
            raise HumanInputUnavailable("a RunElicitor asks the person of a run, and this call is part of none")
        question = f"An MCP server asks: {_words(params)}\n{_how(schema)}"
        for _ in range(ATTEMPTS):
            reply = (await caller.ask_person(question)).strip()
            action = CHOICES.get(reply.lower(), reply.lower())
            if action in ("decline", "cancel") or (action == "accept" and not schema):
                return _result(action)
            try:
                return _result("accept", _fitting(reply, schema))
            except ValueError as error:
                question = f"That does not fit: {error}\n{_how(schema)}"
        return _result("cancel")

    def _to_config(self) -> RunElicitorConfig:
        return RunElicitorConfig()

    @classmethod
    def _from_config(cls, config: RunElicitorConfig) -> Self:
        return cls()


def _words(params: ElicitRequestParams) -> str:
    # A request of the other kind sends the person to a page: they see where before they agree.
    url = getattr(params, "url", None)
    return f"{params.message} ({url})" if url else params.message


def _schema(params: ElicitRequestParams) -> dict[str, Any]:
    schema: dict[str, Any] = getattr(params, "requested_schema", None) or {}
    return schema if schema.get("properties") else {}


def _how(schema: dict[str, Any]) -> str:
    if not schema:
        return "Answer accept, decline or cancel."
    fields = ", ".join(f"{name} ({said.get('type', 'any')})" for name, said in schema["properties"].items())
    return f"Answer with JSON of {fields}, or with decline or cancel."


def _fitting(reply: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The reply as the server wants it.

    Raises:
        ValueError: it does not fit.
    """
    if not schema:
        raise ValueError("expected accept, decline or cancel")
    try:
        value = json.loads(reply)
    except ValueError:
        value = reply.strip()
    names = list(schema["properties"])
    if not isinstance(value, dict):
        if len(names) != 1:
            raise ValueError(f"expected a JSON object with {', '.join(names)}")
        value = {names[0]: value}
    answer = schema_to_pydantic_model(schema, "answer").model_validate(value)
    return answer.model_dump(mode="json", exclude_unset=True, by_alias=True)


def _result(action: str, content: dict[str, Any] | None = None) -> ElicitResult:
    from mcp.types import ElicitResult

    return ElicitResult.model_validate({"action": action, "content": content})
