"""Blocks one after the other, up to the first that fails, and what they did together; also where they were stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from ..code import CodeBlock, CodeResult, NamesChange
from .stopped_code import keep_shown, shown_before

R = TypeVar("R", bound=CodeResult)


async def run_in_order(blocks: Sequence[CodeBlock], run: Callable[[CodeBlock], Awaitable[R]]) -> list[R]:
    """The results of the blocks, up to the first that fails.

    Raises:
        asyncio.CancelledError: a block was cancelled; the error tells what all of them had shown.
    """
    results = list[R]()
    try:
        for block in blocks:
            results.append(await run(block))
            if results[-1].exit_code:
                break
    except asyncio.CancelledError as stopped:
        last = shown_before(stopped)
        keep_shown(stopped, together([*results, *([last] if last else [])]))
        raise
    return results


def together(results: Sequence[CodeResult], *, on_lines_of_their_own: bool = False) -> CodeResult:
    """What blocks that ran one after the other did; `output` as it came, or each one's on lines of its own."""
    output = ""
    for result in results:
        apart = on_lines_of_their_own and output and result.output and not output.endswith("\n")
        output += ("\n" if apart else "") + result.output
    return CodeResult(
        exit_code=results[-1].exit_code if results else 0,
        output=output,
        outputs=[each for result in results for each in result.outputs],
        names=NamesChange.of_all(result.names for result in results),
    )
