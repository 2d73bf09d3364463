"""A kernel on this machine, for the tests of what is the same for every kernel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from nbagents.cancellation import CancellationToken
from nbagents.code import CodeBlock, CodeResult
from nbagents.executors import JupyterCodeExecutor, KernelExecutor, KernelLimits
from nbagents.io_thread import performed_there

Run = Callable[..., Awaitable[CodeResult]]


async def run_in(executor: KernelExecutor, *codes: str, language: str = "python") -> CodeResult:
    """Run blocks of code."""
    blocks = [CodeBlock(code=code, language=language) for code in codes]
    return await executor.execute_code_blocks(blocks, CancellationToken())


async def until_shown(executor: KernelExecutor, words: str) -> None:
    """Wait until a block's words have arrived: what is still on its way is lost with a kernel that is killed."""

    async def shown() -> bool:
        under_way = executor._session._line._request
        return under_way is not None and words in str(under_way.outputs.outputs())

    async with asyncio.timeout(30):
        while not await performed_there(shown):
            await asyncio.sleep(0.01)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kernel() -> AsyncIterator[KernelExecutor]:
    """A kernel for a whole file; each test leaves it usable, and takes names of its own."""
    executor = JupyterCodeExecutor(limits=KernelLimits(text=20_000, rich=200_000, flood=8_000_000, grace_seconds=1.5))
    executor.sandboxed = True
    yield executor
    await executor.stop()


@pytest.fixture
def run(kernel: KernelExecutor) -> Run:
    """Runs blocks in the file's kernel."""

    async def run_there(*codes: str, timeout: float = 30, language: str = "python") -> CodeResult:
        kernel.timeout = timeout
        return await run_in(kernel, *codes, language=language)

    return run_there
