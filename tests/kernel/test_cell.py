"""What is captured of the executing cell, and questions on stdin."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.kernel.notebook import ROOT, Notebook

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_executing_cell(notebook: Notebook) -> None:
    run = await notebook.run(
        "cell = Cell.executing()\n"
        "print(cell.cell_id, cell.allow_stdin, cell.can_ask, cell.ended, cell.kernel is get_ipython().kernel)\n"
        "print(cell.parent['content']['code'].splitlines()[0], bool(cell.ident))",
        cell_id="cell-7",
    )
    assert run.text == "cell-7 True True False True\ncell = Cell.executing() True\n"
    run = await notebook.run("print(cell.ended, cell.can_ask, Cell.executing().cell_id)", allow_stdin=False)
    assert run.text == "True False None\n"
    run = await notebook.run("print(Cell.executing().allow_stdin, Cell.executing().can_ask)", allow_stdin=False)
    assert run.text == "False False\n"


async def test_from_a_magic_and_from_a_task(notebook: Notebook) -> None:
    await notebook.run(
        "from IPython.core.magic import register_line_magic\n@register_line_magic\n"
        "def whoami(line): return Cell.executing()"
    )
    run = await notebook.run("c = %whoami\nprint(c.cell_id)", cell_id="in-magic")
    assert run.text == "in-magic\n"
    run = await notebook.run(
        "async def f(): await asyncio.sleep(0); return Cell.executing()\n"
        "print((await asyncio.create_task(f(), context=c.context)).in_flight is c.in_flight)"
    )
    assert run.text == "True\n"


async def test_tasks_of_its_context_print_into_it(notebook: Notebook, thread_mode: bool) -> None:
    """A guarantee of ipykernel 7; on 6.x the parent is global."""
    if not thread_mode:
        pytest.skip("on ipykernel 6 output goes to the cell that executes")
    first = await notebook.run("cell = Cell.executing(); go = asyncio.Event()")
    run = await notebook.run(
        "async def say(): await asyncio.sleep(0.01); print('said', flush=True)\n"
        "await asyncio.create_task(say(), context=cell.context)"
    )
    assert run.text == ""
    assert first.text == "said\n"


async def test_no_shell_is_an_error() -> None:
    from nbagents.errors import ExecutionUnavailable
    from nbagents.kernel import Cell

    with pytest.raises(ExecutionUnavailable, match="no cell is executing"):
        Cell.executing()


async def test_nobody_can_be_asked_under_nbclient(notebook: Notebook, tmp_path: Path) -> None:
    """`jupyter execute`, papermill and nbconvert: the cell says so, and a question fails instead of hanging."""
    cells = [
        "from nbagents.kernel import Cell, ask_on_stdin\ncell = Cell.executing()\n"
        "print(cell.allow_stdin, cell.can_ask)",
        "try:\n    await ask_on_stdin(Cell.executing(), 'name? ')\nexcept Exception as error:\n"
        "    print(type(error).__name__, error)",
    ]
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    specs = notebook.manager.kernel_spec_manager
    client = NotebookClient(document, timeout=60, kernel_name="tested")
    client.km = client.create_kernel_manager()
    client.km.kernel_spec_manager = specs
    async with client.async_setup_kernel(env=_environment(tmp_path)):
        for index, cell in enumerate(document.cells):
            await client.async_execute_cell(cell, index)
    assert document.cells[0].outputs[0].text == "False False\n"
    assert "HumanInputUnavailable 'name? ' needs a person" in document.cells[1].outputs[0].text


def _environment(directory: Path) -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(directory)}


async def test_an_answer_arrives_and_the_loop_goes_on(notebook: Notebook) -> None:
    run = notebook.start_cell(
        "ticks = 0\nasync def tick():\n    global ticks\n    while True: await asyncio.sleep(0.01); ticks += 1\n"
        "ticker = asyncio.create_task(tick())\n"
        "answer = await ask_on_stdin(Cell.executing(), 'Your name? ')\nticker.cancel(); print(answer, ticks > 3)"
    )
    request = await notebook.input_request()
    assert request["content"] == {"prompt": "Your name? ", "password": False}
    assert request["parent_header"]["msg_id"] == run.id
    await asyncio.sleep(0.1)  # for the ticks to be counted
    notebook.reply_input(request, "Ada")
    assert (await run.ends()).text == "Ada True\n"


@pytest.mark.parametrize("with_parent", [True, False], ids=["JupyterLab", "console"])
async def test_ask_cancel_ask_again(notebook: Notebook, with_parent: bool) -> None:
    run = notebook.start_cell(
        "cell = Cell.executing()\nfirst = asyncio.create_task(ask_on_stdin(cell, 'first? '))\n"
        "await asyncio.sleep(0.1); first.cancel(); await asyncio.wait([first])\n"
        "print(first.cancelled(), await ask_on_stdin(cell, 'second? '))"
    )
    await notebook.input_request()
    second = await notebook.input_request()
    notebook.reply_input(second, "answer", with_parent=with_parent)
    assert (await run.ends()).text == "True answer\n"


async def test_a_late_reply_to_a_cancelled_question_is_not_the_next_answer(notebook: Notebook) -> None:
    run = notebook.start_cell(
        "cell = Cell.executing()\nfirst = asyncio.create_task(ask_on_stdin(cell, 'first? '))\n"
        "await asyncio.sleep(0.1); first.cancel(); print(await ask_on_stdin(cell, 'second? '))"
    )
    first, second = await notebook.input_request(), await notebook.input_request()
    notebook.reply_input(first, "too late")
    notebook.reply_input(second, "in time")
    assert (await run.ends()).text == "in time\n"


async def test_what_was_typed_before_the_question_is_dropped(notebook: Notebook) -> None:
    run = notebook.start_cell(
        "print('go', flush=True); time.sleep(0.2); print(await ask_on_stdin(Cell.executing(), '? '))"
    )
    await run.shows("go")
    notebook.client.input("typed for nobody")
    notebook.reply_input(await notebook.input_request(), "answer")
    assert (await run.ends()).text == "go\nanswer\n"


async def test_two_questions_are_asked_one_after_the_other(notebook: Notebook) -> None:
    run = notebook.start_cell(
        "cell = Cell.executing()\nprint(await asyncio.gather(ask_on_stdin(cell, 'a? '), ask_on_stdin(cell, 'b? ')))"
    )
    first = await notebook.input_request()
    assert notebook.input_requests.empty()
    notebook.reply_input(first, "1")
    notebook.reply_input(await notebook.input_request(), "2")
    assert (await run.ends()).text == "['1', '2']\n"


async def test_after_its_cell_nobody_is_asked(notebook: Notebook) -> None:
    await notebook.run(
        "cell = Cell.executing()\ntask = asyncio.create_task(ask_on_stdin(cell, 'in time? '))\nawait asyncio.sleep(0.1)"
    )
    await notebook.input_request()
    run = await notebook.run(
        "for question in (task, ask_on_stdin(cell, 'late? ')):\n    try:\n        await question\n"
        "    except Exception as error:\n        print(error)"
    )
    assert run.text.count("its cell has ended") == 2
    assert notebook.input_requests.empty()


async def test_a_closed_box_is_no_answer(notebook: Notebook) -> None:
    run = notebook.start_cell(
        "try:\n    await ask_on_stdin(Cell.executing(), '? ')\nexcept Exception as error:\n"
        "    print(type(error).__name__)"
    )
    notebook.reply_input(await notebook.input_request(), "\x04")
    assert (await run.ends()).text == "HumanInputUnavailable\n"


async def test_in_a_terminal_a_cancelled_question_leaves_its_line_to_the_next(tmp_path: Path) -> None:
    """IPython without a kernel, on a pseudo-terminal."""
    import pexpect

    code = (
        "import asyncio\nfrom nbagents.kernel import *\ncell = Cell.executing()\n"
        "first = asyncio.ensure_future(ask_on_stdin(cell, 'first? '))\n"
        "await asyncio.sleep(0.2); first.cancel()\nprint('got', await ask_on_stdin(cell, 'second? '))\n"
    )
    script = tmp_path / "cell.ipy"
    script.write_text(code)
    # One cell, as `%cpaste` would make it: a script runs line by line.
    start = f"get_ipython().run_cell(open({str(script)!r}).read())"
    child = pexpect.spawn(
        sys.executable,
        ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=nocolor", "-c", start],
        env=_environment(tmp_path),
        encoding="utf-8",
        timeout=30,
    )
    try:
        await asyncio.to_thread(child.expect_exact, "second? ")
        child.sendline("Ada")
        await asyncio.to_thread(child.expect_exact, "got Ada")
    finally:
        child.close(force=True)
