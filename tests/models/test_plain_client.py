"""Clients that only look like one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from nbagents.agents import AssistantAgent
from nbagents.errors import ModelResponseError
from nbagents.models import CreateResult, RequestUsage
from nbagents.teams import SelectorGroupChat
from tests.teams.members import Member, sources, texts


class Plain:
    """Answers `says`, one after the other, and is of no class that anybody knows."""

    def __init__(self, *says: str) -> None:
        self._says = iter(says)
        self.model_info = {"vision": False, "function_calling": True, "json_output": False, "family": "unknown",
                           "structured_output": False}  # fmt: skip

    async def create(self, messages: Sequence[Any], **asked: Any) -> CreateResult:
        return CreateResult(finish_reason="stop", content=next(self._says), usage=RequestUsage(2, 1), cached=False)

    async def create_stream(self, messages: Sequence[Any], **asked: Any) -> Any:
        answer = await self.create(messages)
        yield answer.content
        yield answer


class Named(Plain):
    """Knows some of what our own clients say of themselves."""

    provider, model = "theirs", "Plain"


@pytest.mark.parametrize("kind", [Plain, Named])
@pytest.mark.parametrize("stream", [False, True])
async def test_an_agent_and_a_selector_ask_it(stream: bool, kind: type[Plain]) -> None:
    client: Any = kind("b", "hello")
    b = AssistantAgent("b", client, model_client_stream=stream)
    team = SelectorGroupChat([Member("a"), b], client, max_turns=1, model_client_streaming=stream)
    result = await team.run(task="go")
    assert (sources(result), texts(result)) == (["user", "b"], ["go", "hello"])
    assert list(result.usage.by_model) == ["Plain"]


async def test_an_answer_that_was_cut_off_names_it() -> None:
    class Cut(Plain):
        async def create(self, messages: Sequence[Any], **asked: Any) -> CreateResult:
            return CreateResult(finish_reason="length", content="", usage=RequestUsage(2, 0), cached=False)

    client: Any = Cut()
    with pytest.raises(ModelResponseError, match="Cut gave no text"):
        await AssistantAgent("a", client).run(task="go")
