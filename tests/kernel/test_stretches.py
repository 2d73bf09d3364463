"""An interrupt that strikes between the block and us."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from nbagents.kernel.stretches import Stretches


class Struck:
    """Runs stretches as a guard does, and is interrupted just before or just after those that are named."""

    def __init__(self, *, before: int = 0, after: int = 0) -> None:
        self.before, self.after, self.count = before, after, 0

    def __call__(self, call: Callable[[], Any]) -> Any:
        self.count += 1
        if self.count == self.before:
            raise KeyboardInterrupt
        result = call()
        if self.count == self.after:
            raise KeyboardInterrupt
        return result


async def block(seen: list[str]) -> str:
    try:
        seen.append("began")
        await asyncio.sleep(60)
    except BaseException as error:
        seen.append(type(error).__name__)
        raise
    return "never"


async def handles(seen: list[str]) -> str:
    try:
        await asyncio.sleep(60)
    except KeyboardInterrupt:
        seen.append("handled")
    await asyncio.sleep(0)
    return "saved"


async def test_an_interrupt_just_after_the_block_began_to_await_is_the_blocks() -> None:
    seen: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        await Stretches(block(seen), Struck(after=1), lambda: False)
    assert seen == ["began", "KeyboardInterrupt"]


async def test_a_block_may_handle_it_and_go_on() -> None:
    seen: list[str] = []
    assert await Stretches(handles(seen), Struck(after=1), lambda: False) == "saved"
    assert seen == ["handled"]


async def test_a_block_that_never_began_is_closed_without_a_warning() -> None:
    seen: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        await Stretches(block(seen), Struck(before=1), lambda: False)
    assert seen == []


async def test_a_block_that_is_missed_twice_has_ended_all_the_same() -> None:
    seen: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        await Stretches(block(seen), Struck(after=1, before=2), lambda: False)
    assert seen == ["began", "GeneratorExit"]
