"""Blocks one after the other, and what of them is kept when one is stopped."""

from __future__ import annotations

import asyncio

import pytest

from nbagents.code import CodeBlock, CodeResult, NamesChange
from nbagents.executors.block_order import run_in_order, together
from nbagents.executors.stopped_code import STOPPED, keep_shown, shown_before

BLOCKS = [CodeBlock(code=code, language="python") for code in ("first", "second", "third")]


def shown(text: str, exit_code: int = 0) -> CodeResult:
    return CodeResult(exit_code=exit_code, output=text, outputs=[{"output_type": "stream", "text": text}])


async def test_the_first_that_fails_is_the_last() -> None:
    async def run(block: CodeBlock) -> CodeResult:
        return shown(block.code, exit_code=int(block.code == "second"))

    assert [result.output for result in await run_in_order(BLOCKS, run)] == ["first", "second"]


@pytest.mark.parametrize("told", [True, False])
async def test_what_was_shown_before_a_stop_goes_along_with_it(told: bool) -> None:
    """Also of the blocks before it, and where the block that was stopped does not tell."""

    async def run(block: CodeBlock) -> CodeResult:
        if block.code != "second":
            return shown(block.code)
        stopped = asyncio.CancelledError()
        if told:
            keep_shown(stopped, shown("half", STOPPED))
        raise stopped

    with pytest.raises(asyncio.CancelledError) as caught:
        await run_in_order(BLOCKS, run)

    kept = shown_before(caught.value)
    assert kept is not None
    assert (kept.output, len(kept.outputs)) == (("firsthalf", 2) if told else ("first", 1))


def test_what_they_did_together() -> None:
    results = [shown("a"), shown(""), shown("b\n"), shown("c", 3)]
    results[0].names, results[3].names = NamesChange(created=("x",)), NamesChange(deleted=("x",), created=("y",))

    assert together(results).output == "ab\nc"
    whole = together(results, on_lines_of_their_own=True)
    assert (whole.exit_code, whole.output, whole.names) == (3, "a\nb\nc", NamesChange(created=("y",)))
    assert together([]) == CodeResult(exit_code=0, output="")
