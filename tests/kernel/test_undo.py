"""What a block binds in the user's namespace is told, and can be undone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kernel.notebook import Notebook

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTHING: dict[str, list[str]] = {"created": [], "rebound": [], "deleted": []}


async def names(notebook: Notebook, code: str) -> dict[str, list[str]]:
    """What a block that runs in a cell says of names."""
    value: dict[str, Any] = await notebook.value(f"await shown({code!r})")
    return dict(value["names"])


async def fresh(notebook: Notebook, *cells: str) -> None:
    """A new executor, and cells that set up what a test is about."""
    await notebook.run("live = block.__kwdefaults__['executor'] = LiveKernelExecutor()")
    for cell in cells:
        assert not (await notebook.run(cell)).errors


async def undone(notebook: Notebook, blocks: str = "") -> dict[str, list[str]]:
    value: dict[str, list[str]] = await notebook.value(
        f"from dataclasses import asdict\nprint(json.dumps(asdict(live.undo({blocks}))))"
    )
    return value


async def test_names_are_told_as_created_rebound_and_deleted(notebook: Notebook) -> None:
    await fresh(notebook, "a_list = [1]; number = 1; old = 'x'")
    code = "import math\nmade = 1\nnumber = 2\na_list.append(2)\ndel old\n_hidden = 3\nfor i in range(2): pass\nmade"
    assert await names(notebook, code) == {"created": ["i", "made", "math"], "rebound": ["number"], "deleted": ["old"]}
    assert await names(notebook, "number = number\ntemporary = 1\ndel temporary\n1 + 1") == NOTHING
    assert await names(notebook, "1 +") == NOTHING


async def test_names_are_told_of_blocks_that_fail_and_of_magics(notebook: Notebook) -> None:
    await fresh(notebook)
    assert (await names(notebook, "first = 1\n1/0"))["created"] == ["first"]
    assert (await names(notebook, "shell = !echo hello"))["created"] == ["shell"]


async def test_what_the_users_cells_bind_while_a_block_awaits_is_theirs(notebook: Notebook) -> None:
    await fresh(notebook, "mine = 1\nbegun, go_on = asyncio.Event(), asyncio.Event()")
    code = "theirs = 1\nbegun.set()\nawait go_on.wait()\ntheirs = 2\nlast = mine"
    await notebook.run(f"task = asyncio.ensure_future(block({code!r}))\nawait begun.wait()")
    await notebook.run("mine = 2; also_mine = 3")
    told = await notebook.value("go_on.set()\nprint(json.dumps((await task).dump()))")
    assert told["names"] == {"created": ["last", "theirs"], "rebound": [], "deleted": []}
    assert (await undone(notebook))["removed"] == ["last", "theirs"]
    assert await notebook.value("print(json.dumps([mine, also_mine]))") == [2, 3]


async def test_undo_puts_back_what_was_overwritten(notebook: Notebook) -> None:
    await fresh(notebook, "kept = value = {'a': 1}; gone = 'here'")
    await notebook.run("r = await block('value = 1; created = 2'); r = await block('value = created; del gone')")
    assert await undone(notebook) == {"restored": ["gone", "value"], "removed": ["created"], "left": [], "in_place": []}
    assert await notebook.value("print(json.dumps([value is kept, gone, 'created' in globals()]))") == [
        True, "here", False,
    ]  # fmt: skip
    assert (await undone(notebook))["restored"] == []


async def test_undo_of_the_last_block_only(notebook: Notebook) -> None:
    await fresh(notebook, "value = 0")
    for number in (1, 2, 3):
        await notebook.run(f"r = await block('value = {number}')")
    await undone(notebook, "1")
    assert await notebook.value("print(value)") == 2
    await undone(notebook, "5")
    assert await notebook.value("print(value)") == 0


async def test_undo_leaves_what_the_user_has_bound_since(notebook: Notebook) -> None:
    await fresh(notebook, "value = 'before'; between = 'before'")
    await notebook.run("r = await block('value = [1]; made = [2]; between = [3]')")
    await notebook.run("value = 'mine'; made = None; between = 'mine'")
    await notebook.run("r = await block('between = [4]')")
    assert await undone(notebook) == {
        "restored": ["between"], "removed": [], "left": ["made", "value"], "in_place": [],
    }  # fmt: skip
    assert await notebook.value("print(json.dumps([value, made, between]))") == ["mine", None, "mine"]


async def test_undo_says_what_it_cannot_undo(notebook: Notebook) -> None:
    await fresh(notebook, "rows = {'a': 1}; other = {}")
    code = "rows['b'] = 2\nother.x = 1 if False else 2\ndef f(local): local['x'] = 1"
    await notebook.run(f"r = await block({code!r})")
    said = (await notebook.run("print(live.undo())")).text
    assert "still changed inside: other, rows" in said
    assert "not undone: changes inside of objects, files" in said
    assert await notebook.value("print(json.dumps(rows))") == {"a": 1, "b": 2}


async def test_an_interrupted_block_can_be_undone(notebook: Notebook) -> None:
    await fresh(notebook, "value = 0; quick = LiveKernelExecutor(timeout=0.3)")
    await notebook.run("live = quick; r = await block('value = 1\\nwhile True: pass', executor=live)")
    assert (await undone(notebook))["restored"] == ["value"]

    await notebook.run("from comm import create_comm\nsignals = create_comm(target_name='test.signals')")
    notebook.comms.clear()
    cell = notebook.start_cell("r = await block('value = 2\\nsignals.send({})\\nwhile True: pass', executor=live)")
    await notebook.comm_message("comm_msg")
    await notebook.interrupt()
    assert (await cell.ends()).errors
    await undone(notebook)
    assert await notebook.value("print(value)") == 0


async def test_what_undo_keeps_is_bounded(notebook: Notebook) -> None:
    await fresh(notebook, "import weakref, gc\nclass Big: pass\nvalue = first = Big()\nmade = []")
    code = "value = Big(); made.append(weakref.ref(value))"
    await notebook.run(f"for _ in range(30): r = await block({code!r})")
    alive = await notebook.value("gc.collect(); print(sum(r() is not None for r in made))")
    assert alive == 10  # nine to go back to, and the one that is bound now; the very first is no Big of `made`
    await undone(notebook)
    alive = "sum(r() is not None for r in made)"
    assert await notebook.value(f"gc.collect(); print(json.dumps([value is first, {alive}]))") == [True, 0]
