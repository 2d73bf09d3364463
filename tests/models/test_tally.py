"""A tally counts a prompt as its list is counted, and looks at a message once."""

from __future__ import annotations

import copy
import gc
import pickle
import random
import weakref

import pytest

from nbagents.models.messages import LLMMessage, SystemMessage, UserMessage
from nbagents.models.prompt import Prompt, SharedMessages
from nbagents.models.tally import Tally
from nbagents.models.token_estimate import estimate_tokens

SYSTEM = SystemMessage(content="be kind")


def said(number: int) -> UserMessage:
    return UserMessage(content="x" * number, source="user")


def length(message: LLMMessage) -> int:
    return len(message.content)


@pytest.mark.parametrize("seed", range(10))
def test_it_counts_any_prompt_as_its_list(seed: int) -> None:
    dice, tally, messages = random.Random(seed), Tally(length), SharedMessages()
    asked: list[Prompt] = []
    for _ in range(60):
        messages.append(said(dice.randrange(9)))
        if dice.random() < 0.1:
            messages[dice.randrange(len(messages))] = said(dice.randrange(9))
        asked.append(messages.prompt([SYSTEM] * dice.randrange(2)))
        if dice.random() < 0.2:
            asked[-1].append(said(5))
        for prompt in (asked[-1], dice.choice(asked), list(asked[-1])):
            assert tally(prompt) == sum(map(length, prompt))
            assert estimate_tokens(prompt) == estimate_tokens(list(prompt))


def test_it_looks_at_a_message_once_whoever_asks() -> None:
    looked: list[str] = []

    def look(message: LLMMessage) -> int:
        looked.append(str(message.content))
        return 1

    tally, ours, theirs = Tally(look), SharedMessages(), SharedMessages()
    kept = [ours.prompt(), theirs.prompt()]
    for number in range(5):
        for messages in (ours, theirs):
            messages.append(said(number))
            kept.append(messages.prompt([SYSTEM]))
            assert tally(kept[-1]) == number + 2

    assert [text for text in looked if text != SYSTEM.content] == [
        text for number in range(5) for text in ["x" * number] * 2
    ]


def test_it_keeps_no_conversation() -> None:
    class Seen(SharedMessages):
        __slots__ = ("__weakref__",)

    tally, messages = Tally(length), Seen([said(3)])
    gone = weakref.ref(messages)
    gc.collect()
    gc.disable()
    try:
        assert tally(messages.prompt()) == 3
        del messages
        assert gone() is None
    finally:
        gc.enable()


def test_a_copy_counts_anew() -> None:
    tally, messages = Tally(length), SharedMessages([said(3)])
    prompt = messages.prompt()
    assert tally(prompt) == 3
    for twin in (copy.deepcopy(tally), pickle.loads(pickle.dumps(tally))):
        assert twin(prompt) == 3
