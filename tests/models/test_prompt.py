"""A prompt behaves as the list that it stands for, and says the same for ever, whatever becomes of the conversation."""

from __future__ import annotations

import copy
import gc
import pickle
import random
import sys
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_json, to_jsonable_python

from nbagents.models.messages import LLMMessage, SystemMessage, UserMessage
from nbagents.models.prompt import Prompt, SharedMessages

SYSTEM = SystemMessage(content="be kind")


def said(number: int) -> UserMessage:
    return UserMessage(content=f"m{number}", source="user")


def prompt_and_list(length: int = 4, before: Sequence[LLMMessage] = (SYSTEM,)) -> tuple[Prompt, list[LLMMessage]]:
    messages = SharedMessages(said(number) for number in range(length))
    return messages.prompt(before), [*before, *messages]


class TestReading:
    @pytest.mark.parametrize("before", [(), (SYSTEM,), (SYSTEM, said(9))])
    @pytest.mark.parametrize("length", [0, 1, 4])
    def test_is_as_of_the_list(self, length: int, before: Sequence[LLMMessage]) -> None:
        prompt, plain = prompt_and_list(length, before)

        assert prompt == plain
        assert plain == prompt
        assert len(prompt) == len(plain)
        assert bool(prompt) is bool(plain)
        assert list(prompt) == plain
        assert [*prompt] == plain
        assert list(reversed(prompt)) == plain[::-1]
        assert repr(prompt) == repr(plain)
        assert prompt.copy() == plain
        for message in (SYSTEM, said(2), said(9), said(77)):
            assert (message in prompt) is (message in plain)
            assert prompt.count(message) == plain.count(message)

    def test_every_index_and_slice_is_that_of_the_list(self) -> None:
        for before in ((), (SYSTEM,), (SYSTEM, said(9))):
            prompt, plain = prompt_and_list(4, before)
            bounds = [None, *range(-8, 9)]
            for at in range(-8, 9):
                assert _result(lambda p=prompt, at=at: p[at]) == _result(lambda p=plain, at=at: p[at])
            for start in bounds:
                for stop in bounds:
                    for step in (None, 1, 2, -1, -3):
                        part = prompt[start:stop:step]
                        assert type(part) is list
                        assert part == plain[start:stop:step]

    def test_an_index_of_a_message_is_that_of_the_list(self) -> None:
        prompt, plain = prompt_and_list()

        assert prompt.index(said(2)) == plain.index(said(2)) == 3
        assert prompt.index(said(2), 1, 4) == 3
        with pytest.raises(ValueError, match="not in list"):
            prompt.index(said(2), 4)
        with pytest.raises(IndexError, match="list index out of range"):
            prompt[5]
        for none in ("content", 1.0):
            with pytest.raises(TypeError):
                prompt[none]  # type: ignore[call-overload]  # as clumsy hands write it

    def test_it_is_added_to_lists_on_both_sides(self) -> None:
        prompt, plain = prompt_and_list()
        one: list[LLMMessage] = [said(7)]
        longer = one.copy()
        longer += prompt

        assert prompt + one == [*plain, *one]
        assert one + prompt == longer == [*one, *plain]
        assert prompt + prompt == plain + plain
        assert type(one + prompt) is list
        with pytest.raises(TypeError):
            prompt + tuple(one)  # nor does a list take a tuple

    def test_it_matches_as_a_sequence_and_has_no_hash(self) -> None:
        prompt, plain = prompt_and_list()
        match prompt:
            case [first, *rest]:
                assert [first, *rest] == plain
            case _:
                pytest.fail("a prompt is a sequence")
        with pytest.raises(TypeError, match="unhashable"):
            hash(prompt)

    def test_it_is_equal_to_nothing_else(self) -> None:
        prompt, plain = prompt_and_list()

        assert prompt != tuple(plain)
        assert prompt != plain[:-1]
        assert prompt != prompt_and_list(3)[0]
        assert prompt != prompt_and_list(4, ())[0]
        assert prompt == prompt_and_list()[0]
        assert prompt == Prompt(plain)

    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda prompt: pickle.loads(pickle.dumps(prompt))])
    def test_copied_and_pickled_it_is_a_list(self, copied: Callable[[Prompt], list[LLMMessage]]) -> None:
        prompt, plain = prompt_and_list()

        assert type(copied(prompt)) is list
        assert copied(prompt) == plain

    def test_pydantic_reads_and_writes_it_as_a_list(self) -> None:
        class Asked(BaseModel):
            messages: Any

        prompt, plain = prompt_and_list()

        assert to_jsonable_python(prompt) == to_jsonable_python(plain)
        assert to_json(prompt) == to_json(plain)
        assert Asked(messages=prompt).model_dump_json() == Asked(messages=plain).model_dump_json()
        assert Asked(messages=prompt).model_dump() == Asked(messages=plain).model_dump()
        for kind in (list[LLMMessage], Sequence[LLMMessage]):
            assert TypeAdapter[Any](kind).validate_python(prompt) == plain


class TestWriting:
    """Somebody may change what they were given: it was a list of theirs, and is one from then on."""

    @pytest.mark.parametrize(
        "change",
        [
            lambda its: its.append(said(7)),
            lambda its: its.insert(0, said(7)),
            lambda its: its.extend([said(7), said(8)]),
            lambda its: its.pop(),
            lambda its: its.pop(0),
            lambda its: its.remove(said(2)),
            lambda its: its.reverse(),
            lambda its: its.sort(key=lambda message: message.content, reverse=True),
            lambda its: its.clear(),
            lambda its: its.__setitem__(1, said(7)),
            lambda its: its.__setitem__(slice(1, 3), [said(7)]),
            lambda its: its.__delitem__(0),
            lambda its: its.__delitem__(slice(None, None, 2)),
            lambda its: its.__iadd__([said(7)]),
        ],
    )
    def test_is_as_to_the_list_and_reaches_nobody_else(self, change: Callable[[Any], object]) -> None:
        messages = SharedMessages(said(number) for number in range(4))
        prompt, twin, plain = messages.prompt([SYSTEM]), messages.prompt([SYSTEM]), [SYSTEM, *messages]
        kept, before = prompt.copy(), list(plain)

        change(prompt)
        change(plain)

        assert prompt == plain
        assert prompt[-1:] == plain[-1:]
        assert len(prompt) == len(plain)
        assert messages == before[1:]
        assert twin == kept == before

    def test_a_copy_of_a_changed_one_is_its_own(self) -> None:
        prompt, _ = prompt_and_list()
        prompt.append(said(7))
        twin = prompt.copy()
        twin.append(said(8))

        assert prompt[-1] == said(7)
        assert twin[-2:] == [said(7), said(8)]


CHANGES: dict[str, Callable[[SharedMessages, random.Random], object]] = {
    "append": lambda its, dice: its.append(said(dice.randrange(100))),
    "extend": lambda its, dice: its.extend([said(dice.randrange(100)), said(dice.randrange(100))]),
    "iadd": lambda its, dice: its.__iadd__([said(dice.randrange(100))]),
    "insert": lambda its, dice: its.insert(dice.randrange(len(its) + 1), said(dice.randrange(100))),
    "set": lambda its, dice: its and its.__setitem__(dice.randrange(len(its)), said(dice.randrange(100))),
    "set many": lambda its, dice: its.__setitem__(slice(1, 3), [said(dice.randrange(100))]),
    "delete": lambda its, dice: its and its.__delitem__(dice.randrange(len(its))),
    "delete many": lambda its, dice: its.__delitem__(slice(None, None, 2)),
    "pop": lambda its, dice: its and its.pop(dice.randrange(len(its))),
    "remove": lambda its, dice: its and its.remove(dice.choice(its)),
    "reverse": lambda its, dice: its.reverse(),
    "sort": lambda its, dice: its.sort(key=lambda message: str(message.content)),
    "double": lambda its, dice: len(its) < 50 and its.__imul__(2),
    "clear": lambda its, dice: dice.random() < 0.2 and its.clear(),
}


class TestSharing:
    @pytest.mark.parametrize("seed", range(40))
    def test_what_a_prompt_says_never_changes(self, seed: int) -> None:
        """Any row of changes: each prompt taken on the way is still the list that it was when it was taken."""
        dice, messages = random.Random(seed), SharedMessages(said(number) for number in range(3))
        taken: list[tuple[Prompt, list[LLMMessage]]] = []
        for _ in range(60):
            before = [SYSTEM] * dice.randrange(3)
            taken.append((messages.prompt(before), [*before, *messages]))
            name = dice.choice(["append", "append", *CHANGES])
            CHANGES[name](messages, dice)
            assert len(messages) == len([*messages])
            if dice.random() < 0.3:
                taken.pop(dice.randrange(len(taken)))  # some are let go

        for prompt, was in taken:
            assert prompt == was
            assert [prompt[at] for at in range(-len(was), len(was))] == was + was
        for prompt, was in taken:
            for other, other_was in taken:
                assert prompt.begins_with(other) is (was[: len(other_was)] == other_was)

    @pytest.mark.parametrize(
        "read",
        [list, lambda its: its[1:], lambda its: its[::2], lambda its: its[-1], lambda its: its[2], copy.copy, repr],
    )
    def test_nor_while_a_client_reads_it_on_another_thread(self, read: Callable[[Any], object]) -> None:
        class Busy(SharedMessages):
            """Is changed when somebody is about to read it."""

            __slots__ = ()

            def __getitem__(self, at: Any) -> Any:
                if len(self) > 1:
                    self[:] = [said(77)]
                return super().__getitem__(at)

        messages = Busy(said(number) for number in range(4))
        plain: list[LLMMessage] = [SYSTEM, *messages]
        prompt = messages.prompt([SYSTEM])

        assert read(prompt) == read(plain)
        assert messages == [said(77)]

    def test_every_change_of_a_list_is_known(self) -> None:
        """A method of list that changes it and that no test here calls would let prompts change with it."""
        known = {"append", "extend", "__iadd__", "copy", "count", "index"}
        changing = {name for name in vars(SharedMessages) if callable(getattr(list, name, None))}
        own = {name for name in vars(list) if not name.startswith("__")} | {
            "__setitem__", "__delitem__", "__iadd__", "__imul__",
        }  # fmt: skip
        assert own - known <= changing

    def test_taking_one_copies_nothing(self) -> None:
        one = said(0)
        messages, held = SharedMessages([one] * 1000), sys.getrefcount(one)

        prompts = [messages.prompt([SYSTEM]) for _ in range(100)]
        twins = [prompt.copy() for prompt in prompts]

        assert all(twin.begins_with(prompt) for twin, prompt in zip(twins, prompts, strict=True))
        assert sys.getrefcount(one) == held

    def test_the_messages_are_let_go_with_the_last_prompt(self) -> None:
        class Seen(SharedMessages):
            __slots__ = ("__weakref__",)

        gc.collect()
        gc.disable()  # a circle of references would keep a conversation until a collection
        try:
            messages = Seen([said(0)])
            gone = weakref.ref(messages)
            prompt = messages.prompt()
            del messages
            assert gone() is not None
            del prompt
            assert gone() is None
        finally:
            gc.enable()

    def test_copied_and_pickled_the_messages_are_shared_with_nobody(self) -> None:
        messages = SharedMessages([said(0)])
        prompt = messages.prompt()
        for twin in (copy.copy(messages), copy.deepcopy(messages), pickle.loads(pickle.dumps(messages))):
            assert type(twin) is SharedMessages
            assert twin == messages
            twin.clear()
        assert prompt == messages == [said(0)]


def _result(read: Callable[[], object]) -> object:
    try:
        return read()
    except IndexError as error:
        return str(error)
