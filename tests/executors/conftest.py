"""A kernel on this machine, for the tests of what is the same for every kernel."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from nbagents.cancellation import CancellationToken
from nbagents.code import CodeBlock, CodeResult
from nbagents.executors import JupyterCodeExecutor, KernelExecutor, KernelLimits

Run = Callable[..., Awaitable[CodeResult]]


async def run_in(executor: KernelExecutor, *codes: str, language: str = "python") -> CodeResult:
    """Run blocks of code."""
    blocks = [CodeBlock(code=code, language=language) for code in codes]
    return await executor.execute_code_blocks(blocks, CancellationToken())


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
