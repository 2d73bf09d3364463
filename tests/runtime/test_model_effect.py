"""Asking a client of the user's own, which may answer in ways that no protocol knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nbagents.agents import AssistantAgent
from nbagents.errors import ModelResponseError
from nbagents.models import CreateResult, ReplayChatCompletionClient


class Own(ReplayChatCompletionClient):
    """Answers with whatever `say` makes of the right answer; `say` is its stream too."""

    def __init__(self, say: Callable[[CreateResult], Any]) -> None:
        super().__init__(["the answer"])
        self.say = say

    async def create(self, messages: Any, **asked: Any) -> Any:
        return self.say(await super().create(messages, **asked))

    def create_stream(self, messages: Any, **asked: Any) -> Any:
        return self.say(CreateResult.model_validate({"finish_reason": "stop", "content": "the answer", "usage": {}}))


async def in_pieces(*pieces: Any) -> Any:
    for piece in pieces:
        yield piece


async def test_a_piece_without_text_is_none_and_ends_nothing() -> None:
    agent = AssistantAgent("a", Own(lambda answer: in_pieces("the ", None, "answer", answer)), model_client_stream=True)
    assert (await agent.run(task="?")).messages[-1].content == "the answer"  # type: ignore[union-attr]  # it is a text


@pytest.mark.parametrize(
    ("say", "stream", "told"),
    [
        (lambda answer: answer.content, False, "Own.create returned a str: expected a CreateResult"),
        (lambda answer: None, False, "Own.create returned a NoneType: expected a CreateResult"),
        (lambda answer: in_pieces("a", {"b": 1}), True, "Own.create_stream yielded a dict: expected a CreateResult"),
        (lambda answer: in_pieces("a", 5), True, "Invalid chunk type: <class 'int'>. Own.create_stream yielded a int"),
        (lambda answer: in_pieces("a", None), True, "No final model result in streaming mode.*without a result"),
        (lambda answer: ["a", answer], True, "Own.create_stream returned a list: expected an async def that yields"),
    ],
)
async def test_what_is_no_answer_is_said_with_whose_it_was(
    say: Callable[[CreateResult], Any], stream: bool, told: str
) -> None:
    with pytest.raises(ModelResponseError, match=told) as caught:
        await AssistantAgent("a", Own(say), model_client_stream=stream).run(task="?")
    assert isinstance(caught.value, RuntimeError)  # as AutoGen's agents say it


class Pieces:
    """An iterator that is no generator: it has nothing to close."""

    def __init__(self, *pieces: Any) -> None:
        self.pieces = list(pieces)

    def __aiter__(self) -> Pieces:
        return self

    async def __anext__(self) -> Any:
        if not self.pieces:
            raise StopAsyncIteration
        return self.pieces.pop(0)


async def test_a_stream_may_be_any_async_iterator() -> None:
    agent = AssistantAgent("a", Own(lambda answer: Pieces("the ", "answer", answer)), model_client_stream=True)
    assert (await agent.run(task="?")).messages[-1].to_text() == "the answer"
