"""Blocks of a detached run keep out of the user's cells, and never wait for a cell that waits for them."""

from __future__ import annotations

import pytest

from tests.kernel.notebook import Notebook

pytestmark = pytest.mark.asyncio(loop_scope="module")

DETACHED = """
order, let_go = [], asyncio.Event()
async def run_detached():
    await let_go.wait()
    await block('order.append("block")')
task = asyncio.create_task(run_detached())
"""
RUN = """
from nbagents.runtime import Gate, Run
from types import SimpleNamespace
class Team:
    async def run(self, *, task=None, cancellation_token=None):
        await let_go.wait()
        await block('order.append("block")', token=cancellation_token)
        return SimpleNamespace(messages=[], stop_reason="done")
order, let_go = [], asyncio.Event()
run = Run("r", Team(), Gate())
run.start("task", Cell.executing().context)
"""


async def order_after(notebook: Notebook, cell: str) -> list[object]:
    await notebook.run(DETACHED)
    run = await notebook.run(cell)
    assert not run.errors
    order: list[object] = await notebook.value("await task\nprint(json.dumps(order))")
    return order


async def test_a_block_comes_after_the_cell_that_was_awaiting(notebook: Notebook) -> None:
    order = await order_after(notebook, "let_go.set()\nfor i in range(20): order.append(i); await asyncio.sleep(0.01)")
    assert order == [*range(20), "block"]


async def test_a_cell_that_awaits_a_run_is_not_waited_for(notebook: Notebook) -> None:
    order = await order_after(notebook, "let_go.set()\nwith cells.awaiting_run(): await task\norder.append('cell')")
    assert order == ["block", "cell"]


async def test_awaiting_the_run_itself_is_enough(notebook: Notebook) -> None:
    """`await run` in any cell: nobody has to say that the cell is waiting."""
    for awaiting in ("await run", "await run.wait_or_detach()", "async def f(): await run\nawait f()"):
        await notebook.run(RUN)
        run = await notebook.run(f"let_go.set()\n{awaiting}\nprint(order)", within=10)
        assert run.text == "['block']\n", run.errors


async def test_the_cell_that_a_run_was_started_in_is_not_waited_for(notebook: Notebook) -> None:
    run = await notebook.run("task = asyncio.create_task(block('order = [1]'))\nawait task; print(order)", within=10)
    assert run.text == "[1]\n"
    run = await notebook.run(
        "import asyncio\nr = await asyncio.gather(block('1'), block('2'))\nprint(r[0].output, r[1].output)"
    )
    assert run.text.split() == ["1", "2"]


async def test_blocks_of_two_runs_do_not_interleave(notebook: Notebook) -> None:
    code = "for i in range(5): order.append(%r); await asyncio.sleep(0.002)"
    await notebook.run("order = []")
    await notebook.run(f"r = await asyncio.gather(block({code % 'a'!r}), block({code % 'b'!r}))")
    assert await notebook.value("print(json.dumps(order))") == ["a"] * 5 + ["b"] * 5


async def test_a_block_may_run_agents_itself(notebook: Notebook) -> None:
    run = await notebook.run(
        "r = await block('inner = await block(\"6 * 7\")\\ninner.output')\nprint(r.output)", within=10
    )
    assert run.text == "'42\\n'\n\n"


async def test_a_task_of_an_earlier_cell_may_be_awaited_in_any_way(notebook: Notebook) -> None:
    for awaiting in (
        "await task",
        "async with asyncio.timeout(10): await task",
        "await asyncio.wait_for(task, 10)",
        "await asyncio.shield(task)",
        "await asyncio.gather(task, asyncio.sleep(0))",
        "await asyncio.wait({task, asyncio.create_task(asyncio.sleep(10))}, return_when='FIRST_COMPLETED')",
        "async def f(): await task\nasync with asyncio.TaskGroup() as g: g.create_task(f())",
        "async def f(): await task\nawait asyncio.create_task(f())",
        "for t in asyncio.as_completed([task]): await t",
    ):
        order = await order_after(notebook, f"let_go.set()\n{awaiting}\norder.append('cell')")
        assert order == ["block", "cell"], awaiting


async def test_a_cell_that_awaits_by_other_means_says_so(notebook: Notebook) -> None:
    order = await order_after(
        notebook,
        "let_go.set(); done = asyncio.Event(); task.add_done_callback(lambda _: done.set())\n"
        "with cells.awaiting_run(): await done.wait()\norder.append('cell')",
    )
    assert order == ["block", "cell"]


@pytest.mark.parametrize(
    "cell",
    ["   ", "1 / 0", "await asyncio.sleep(0)", "(", "raise asyncio.CancelledError", "get_ipython().run_cell('1')"],
)
async def test_every_cell_that_began_ends(notebook: Notebook, cell: str) -> None:
    await notebook.run(cell)
    assert (await notebook.run("print(len(cells))")).text == "1\n"


async def test_an_interrupted_cell_ends(notebook: Notebook) -> None:
    run = notebook.start_cell("async with ticking():\n    print('in', flush=True)\n    await asyncio.sleep(60)")
    await run.shows("in")
    await notebook.interrupt()
    await run.ends()
    assert (await notebook.run("print(len(cells))")).text == "1\n"


async def test_uninstall_stops_listening(notebook: Notebook) -> None:
    await notebook.run("cells.uninstall(); cells.uninstall()")
    run = await notebook.run("print(len(cells)); cells = CellsInFlight.of(get_ipython()); print(len(cells))")
    assert run.text == "0\n1\n"
