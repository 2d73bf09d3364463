"""How agents run code: blocks in order through the gate, up to the first that fails, and one result of it all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..cancellation import CancellationToken
from ..code import CodeBlock, CodeResult
from ..executors import CodeExecutor
from ..executors.block_order import together
from ..runtime import current_gate


async def run_blocks(
    agent: str,
    executor: CodeExecutor,
    blocks: Sequence[CodeBlock],
    cancellation_token: CancellationToken,
    *,
    approved: bool = False,
) -> tuple[list[CodeBlock], CodeResult]:
    """Run the blocks; also returns them as they really ran, for a person may have edited them.

    Raises:
        HumanInputUnavailable: a person must approve, and nobody can be asked.
    """
    gate = current_gate()
    ran, results = list[CodeBlock](), list[CodeResult]()
    for block in blocks:
        really, result = await gate.code(agent, executor, block, cancellation_token, approved=approved)
        ran.append(really)
        results.append(result)
        if result.exit_code:
            break
    whole = together(results, on_lines_of_their_own=True)
    return ran, replace(whole, names=None)  # the journal has them with each block


def fenced(blocks: Sequence[CodeBlock]) -> str:
    """The blocks as markdown."""
    return "\n\n".join(f"```{block.language}\n{block.code}\n```" for block in blocks)


def edits_of(proposed: Sequence[CodeBlock], ran: Sequence[CodeBlock]) -> str:
    """A sentence on what a person changed before it ran; "" when nothing was."""
    edited = [block.code for was, block in zip(proposed, ran, strict=False) if was.code != block.code]
    return "".join(f"A person changed the code before it ran, to:\n```python\n{code}\n```\n" for code in edited)
