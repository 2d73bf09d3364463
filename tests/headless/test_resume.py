"""``%team resume``: a run goes on where it stopped, in its own transcript, and the cell ends as the run ends."""

from __future__ import annotations

from typing import Any

import pytest
from llmock.scenarios import Fail

from tests.headless.kernels import Headless, model_is_asked
from tests.headless.test_interactive import shown, until
from tests.kernel.notebook import Notebook

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.in_all_kernels]

BLOCK = "I compute.\n\n```python\nanswer = 6 * 7\nprint('six times seven:', answer)\n```\n"


async def paused(headless: Headless, llmock: Any, name: str) -> dict[str, str]:
    """A run that its budget has paused after the block of its first turn; what its cell shows."""
    llmock.reply(BLOCK).reply("It is 42.")
    cell = await headless.run(f"%%team run pair --as {name} --approve always --budget 1turn\nWhat is 6 * 7?")
    assert "budget 1 turn reached after turn 1 (nothing lost)" in cell.one_line_error("BudgetReached")
    [bundle] = cell.displays
    return bundle


async def test_a_paused_run_says_what_to_do(headless: Headless, llmock: Any) -> None:
    bundle = await paused(headless, llmock, "told")
    line = "%team resume told --budget +1turn"
    assert f"(nothing lost) · go on with {line}" in bundle["text/plain"]
    assert line in bundle["text/markdown"]
    assert f"go on with <code>{line}</code>" in bundle["text/html"]
    assert line in (await headless.run("told.answer")).one_line_error("BudgetReached")
    assert line in (await headless.run("await told")).one_line_error("BudgetReached")


async def test_a_paused_run_goes_on_and_is_one_run(headless: Headless, llmock: Any) -> None:
    await paused(headless, llmock, "gone")
    llmock.reply("DONE")
    cell = await headless.runs("%team resume gone --budget +0.50,+3turns")
    [output] = cell.outputs
    assert set(output["data"]) == {"text/html", "text/markdown", "text/plain"}
    for text in output["data"].values():
        assert "It is 42." in text and "six times seven: 42" in text, "all of it, not only what came now"
        assert "resumed by you with a budget of $1.50, 4 turns" in text.replace("<span>$</span>", "$")
        assert "go on with" not in text
    assert await headless.value("[gone.status, gone.answer, gone.usage.calls]") == ["done", "It is 42.", 3]
    entries = await headless.value("gone.journal.entries")
    assert [entry["turn"] for entry in entries if entry["type"] == "speaker"] == [1, 2]
    [entry] = [entry for entry in entries if entry["type"] == "resumed"]
    assert (entry["by"], entry["budget"]) == ("you", {"usd": 1.5, "turns": 4})
    told = llmock.last_request.body["messages"]
    assert [message["content"] for message in told if "What is 6 * 7?" in str(message["content"])], "it knows the task"


async def test_the_cell_that_was_paused_says_that_it_went_on(headless: Headless, llmock: Any) -> None:
    await paused(headless, llmock, "left")
    llmock.reply("DONE")
    await headless.runs("%team resume left --budget +3turns")
    first, second = [
        output["data"]["text/plain"]
        for cell in headless._client.nb.cells[-2:]
        for output in cell["outputs"]
        if "data" in output
    ]
    assert "resumed since then, see %team show left" in first and "go on with %team" not in first
    assert "resumed since then" not in second and second.startswith("left: done")


@pytest.mark.parametrize(
    ("line", "name", "said"),
    [
        ("%team resume nobody", "UnknownNameError", "start it in a cell: %%team run TEAM"),
        ("%team resume", "ConfigurationError", "RUN is missing"),
        ("%team resume wrong", "ConfigurationError", "go on with %team resume wrong --budget +1turn"),
        ("%team resume wrong --budget 1turn", "ConfigurationError", "what comes next may bring it to 2 turns"),
        ("%team resume wrong --budget +5usd", "ConfigurationError", "was paused by its budget of 1 turn"),
        ("%team resume wrong --budget +3apples", "ConfigurationError", "expected words as in"),
        ("%team resume wrong --budget +200k", "ConfigurationError", "no limit of tokens to which it could be added"),
        ("%%team resume wrong\nbody", "ConfigurationError", "this command takes no cell below it"),
        ("wrong.resume('+1apple')", "ConfigurationError", "expected words as in"),
    ],
)
async def test_what_cannot_go_on_says_what_to_do(
    headless: Headless, llmock: Any, line: str, name: str, said: str
) -> None:
    if "wrong" not in await headless.value("list(globals())"):
        await paused(headless, llmock, "wrong")
    assert said in (await headless.run(line)).one_line_error(name)
    assert await headless.value("wrong.status") == "paused"


async def test_a_run_that_is_done_cannot_be_resumed(interactive: Notebook, llmock: Any) -> None:
    llmock.reply("Because.")
    await interactive.run("%team run writer --as ready Why?")
    for line in ("%team resume ready --budget +1usd", "ready.resume()"):
        [error] = (await interactive.run(line)).errors
        assert error["evalue"] == "run 'ready' is done, there is nothing to resume: run its team anew"


async def test_where_nobody_is_there_a_run_that_is_done_is_left_alone(headless: Headless, llmock: Any) -> None:
    llmock.reply("Because.")
    await headless.runs("%team run writer --as ready Why?")
    cell = await headless.runs("%team resume ready --budget +1usd")
    assert cell.text == "run 'ready' is done, there is nothing to resume\n"
    assert await headless.value("[e['type'] for e in ready.journal.entries].count('resumed')") == 0


async def test_a_run_of_another_kernel_says_that_this_one_does_not_have_it(headless: Headless) -> None:
    folder = headless.directory / ".nbagents" / "notebook"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "before.jsonl").write_text("{}\n")
    said = (await headless.run("%team resume before")).one_line_error("ConfigurationError")
    assert "this kernel has no run 'before', only its journal .nbagents/notebook/before.jsonl is there" in said


async def test_a_run_whose_model_failed_goes_on_with_that_turn(headless: Headless, llmock: Any) -> None:
    llmock.add(Fail(status=401, message="no such key"))
    cell = await headless.run("%%team run pair --as broken --code none\nWhat is 6 * 7?")
    assert "coder failed in turn 1" in cell.one_line_error("RunFailed")
    assert "go on with %team resume broken" in cell.displays[0]["text/plain"]
    llmock.reply("It may be 42.").reply("DONE")
    [bundle] = (await headless.runs("x = %team resume broken")).displays
    assert "It may be 42." in bundle["text/plain"] and "resumed by you" in bundle["text/plain"]
    assert (await headless.runs("[x is broken, x.status]")).value == "[True, 'done']"


async def test_python_does_the_same(headless: Headless, llmock: Any) -> None:
    await paused(headless, llmock, "py")
    llmock.reply("DONE")
    cell = await headless.runs("y = await py.resume('+3turns')\nprint(y is py, y.status)")
    assert "True done" in cell.text
    [bundle] = cell.displays
    assert "resumed by you with a budget of 4 turns" in bundle["text/plain"] and "py: done" in bundle["text/plain"]


async def test_a_block_cannot_give_a_run_more_to_spend(headless: Headless, llmock: Any) -> None:
    await paused(headless, llmock, "mine")
    block = "```python\ntry:\n    mine.resume('+900usd')\nexcept Exception as error:\n    print(error)\n```"
    llmock.reply(block).reply("I could not.").reply("DONE")
    await headless.runs("%%team run pair --as sly --approve always\nTry.")
    told = llmock.requests[-2].body["messages"][-1]["content"]
    assert "an agent's block cannot resume a run" in told
    assert await headless.value("mine.status") == "paused"


async def test_a_resumed_run_can_be_detached_stopped_and_resumed_again(interactive: Notebook, llmock: Any) -> None:
    llmock.reply("It may be 42.")
    first = await interactive.run("%%team run pair --as twice --code none --budget 1turn --detach\nWhat is 6 * 7?")
    assert not first.errors
    await until(interactive, "twice.ended")
    assert "go on with %team resume twice --budget +1turn" in shown(interactive, first)
    llmock.reply("Too late.").slow_first_token(20)
    second = await interactive.run("%team resume twice --budget +3turns --detach", within=2)
    assert not second.errors
    assert "resumed since then" in shown(interactive, first)
    await model_is_asked(llmock)
    busy = await interactive.run("%team resume twice --budget +1turn")
    assert "still going on" in busy.errors[0]["evalue"]
    await interactive.run("%team stop twice")
    await until(interactive, "twice.ended")
    assert "stopped by you in turn 2 · go on with %team resume twice" in shown(interactive, second)
    llmock.reset().reply("DONE")
    third = await interactive.run("%team resume twice")
    assert not third.errors
    assert await interactive.value("print(json.dumps([twice.status, twice.answer]))") == ["done", "It may be 42."]


async def test_an_interrupt_of_the_cell_stops_the_run_that_it_resumed(interactive: Notebook, llmock: Any) -> None:
    llmock.reply("It may be 42.")
    await interactive.run("%%team run pair --as halted --code none --budget 1turn\nWhat is 6 * 7?")
    llmock.reply("Too late.").slow_first_token(20)
    cell = interactive.start_cell("%team resume halted --budget +3turns")
    await model_is_asked(llmock)
    await interactive.interrupt()
    await cell.ends(within=3)
    assert "stopped by an interrupt in turn 2" in cell.errors[0]["evalue"]


async def test_a_run_that_is_resumed_while_a_cell_runs_or_none_asks_and_ends(
    interactive: Notebook, llmock: Any
) -> None:
    """By a task of the person's own: its view is in the output of the cell that made the task, and waits for nobody."""
    for name, then in (("amid", "\nawait asyncio.sleep(1)"), ("after", "")):
        llmock.reset().reply("It may be 42.").reply("Sure?")
        await interactive.run(f"%%team run pair --as {name} --budget 2turns\nWhat is 6 * 7?")
        llmock.reply(BLOCK).reply("It is 42.").reply("DONE")
        later = f"asyncio.get_running_loop().call_later(0.2, lambda: {name}.resume('+3turns'))"
        cell = await interactive.run(f"_ = {later}{then}")
        assert not cell.errors
        await until(interactive, f"{name}.status == 'waiting'")
        assert await interactive.value("print(json.dumps(1))") == 1, "the kernel is free"
        assert (await interactive.run(f"%team approve {name}")).results == [
            f"run '{name}': block 1 of coder is approved"
        ]
        await interactive.run(f"await {name}")
        assert await interactive.value(f"print(json.dumps({name}.answer))") == "It is 42."


async def test_a_paused_run_can_be_stopped_for_good(interactive: Notebook, llmock: Any) -> None:
    llmock.reply("It may be 42.")
    await interactive.run("%%team run pair --as over --code none --budget 1turn\nWhat is 6 * 7?")
    assert (await interactive.run("%team stop over")).results == ["stopping 'over'"]
    await until(interactive, "over.status == 'stopped'")
    assert (await interactive.run("%team stop over")).results == ["run 'over' has ended already (stopped)"]


FULL = """import os
real = os.write
def full(file, data):
    if b'"type":"run"' in data:
        raise OSError(28, "No space left on device")
    return real(file, data)
os.write = full"""


async def test_a_run_whose_journal_cannot_be_begun_is_not_in_the_way_of_the_next(
    headless: Headless, llmock: Any
) -> None:
    await headless.runs(FULL)
    try:
        cell = await headless.run("%team run writer --as room Why?")
        assert "No space left on device" in cell.one_line_error("JournalError")
        assert not await headless.value("'room' in globals()")
    finally:
        await headless.runs("os.write = real")
    llmock.reply("Because.")
    await headless.runs("%team run writer --as room Why?")
    assert await headless.value("room.answer") == "Because."
