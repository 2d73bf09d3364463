"""Kernel > Interrupt while a model is slow: the cell ends at once, and so does the request."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.headless.kernels import model_is_asked
from tests.kernel.notebook import Notebook

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.in_all_kernels]


@pytest.mark.parametrize("somebody_there", [True, False], ids=["interactive", "headless"])
@pytest.mark.parametrize("slow", ["before its answer", "within its answer"])
async def test_interrupt_stops_the_run(interactive: Notebook, llmock: Any, slow: str, somebody_there: bool) -> None:
    llmock.reply("one two three four")
    if slow == "before its answer":
        llmock.slow_first_token(20)
    else:
        llmock.stall(after_chunks=1, seconds=20)
    cell = interactive.start_cell("%%team run writer --as slow\nhi", allow_stdin=somebody_there)
    await model_is_asked(llmock)
    began = time.monotonic()
    await interactive.interrupt()
    await cell.ends()
    assert time.monotonic() - began < 1.0
    [error] = cell.errors
    assert error["traceback"] == ["RunStopped: run 'slow' was stopped by an interrupt in turn 1"]
    if slow == "within its answer":  # a server that has sent nothing yet looks at the connection only when it does
        assert [request.completed for request in llmock.requests] == [False]
        assert time.monotonic() - began < 2.0, "the server had to wait for the connection to be closed"
    await next_run_works(interactive, llmock)


async def next_run_works(notebook: Notebook, llmock: Any) -> None:
    llmock.reset().reply("Fine.")
    assert not (await notebook.run("%%team run writer --as slow\nhi")).errors
    assert (await notebook.run("slow.status, slow.answer")).results == ["('done', 'Fine.')"]
