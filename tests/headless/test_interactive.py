"""Detached runs, the text twins of the buttons, and the input box, where no widget is shown."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from llmock.scenarios import Delay, Match, Reply

from tests.headless.kernels import model_is_asked
from tests.kernel.notebook import CellRun, Notebook

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.in_all_kernels]

BLOCK = "```python\nprint('block of', {name!r})\n```"
PAIR = "%%team run pair --detach --as {name}\nCompute it."


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _nothing_left(interactive: Notebook) -> None:
    """Whatever a failed test left going on ends here."""
    await interactive.run("for name in ('alpha', 'beta', 'asked'):\n    if name in globals(): globals()[name].stop()")


def shown(notebook: Notebook, cell: CellRun) -> str:
    """What the cell's display shows in the end. A front end finds it by its id: ipykernel 6 sends an update of it as
    output of whichever cell executes at that moment."""
    [first] = [m for m in cell.messages if m["msg_type"] == "display_data"]
    id = first["content"]["transient"]["display_id"]
    updates = [
        m
        for run in notebook.runs.values()
        for m in run.messages
        if m["msg_type"] == "update_display_data" and m["content"]["transient"]["display_id"] == id
    ]
    return str([first, *updates][-1]["content"]["data"]["text/plain"])


async def until(notebook: Notebook, condition: str) -> None:
    """Wait in the kernel, in a cell that awaits."""
    cell = await notebook.run(f"while not ({condition}): await asyncio.sleep(0.02)")
    assert not cell.errors


async def said(notebook: Notebook, line: str) -> str:
    """The value that a command shows."""
    cell = await notebook.run(line)
    assert not cell.errors, cell.errors[0]["traceback"]
    return cell.results[0]


async def two_teams(notebook: Notebook, llmock: Any) -> dict[str, CellRun]:
    """Two detached runs with a block each; alpha's model is the slower one."""
    cells = {}
    for name, delay in (("alpha", 0.5), ("beta", 0.1)):
        match = Match(model=name)
        llmock.add(Delay(delay, match=match))
        for text in (BLOCK.format(name=name), f"The answer of {name}.", "DONE"):
            llmock.add(Reply(text=text, match=match))
        await notebook.run(f"%%agent coder_{name} --model openai/{name} --code live\nYou are {name}.")
        await notebook.run(f"%%agent critic_{name} --model openai/{name}\nYou check.")
        await notebook.run(f"%team create team_{name} coder_{name} critic_{name} --stop DONE")
    for name in ("alpha", "beta"):
        run = f"%%team run team_{name} --detach --approve always --as {name}\nCompute {name}."
        cells[name] = await notebook.run(run)
        assert not cells[name].errors
    return cells


async def test_two_teams_at_once(interactive: Notebook, llmock: Any) -> None:
    cells = await two_teams(interactive, llmock)
    async with asyncio.timeout(10):
        # Short cells of the person's own; blocks run between them.
        while not await interactive.value("print(json.dumps(alpha.ended and beta.ended))"):
            await asyncio.sleep(0.05)
    assert await interactive.value("print(json.dumps([alpha.answer, beta.answer]))") == [
        "The answer of alpha.",
        "The answer of beta.",
    ]
    await interactive.run("await asyncio.sleep(0)")
    for name, other in (("alpha", "beta"), ("beta", "alpha")):
        text = shown(interactive, cells[name])
        assert f"The answer of {name}." in text and f"block of {name}" in text
        assert other not in text
        assert not cells[name].text, "nothing is printed beside the block"
    for request in llmock.requests:
        other = "beta" if request.body["model"] == "alpha" else "alpha"
        assert other not in str(request.body["messages"])


async def test_one_cell_can_await_two_teams(interactive: Notebook, llmock: Any) -> None:
    await two_teams(interactive, llmock)
    cell = interactive.start_cell("await alpha; await beta")
    try:
        await cell.ends(within=3)
    except TimeoutError:
        await interactive.interrupt()
        await cell.ends()
        raise
    assert not cell.errors


async def test_a_detached_cell_lets_the_kernel_go(interactive: Notebook, llmock: Any) -> None:
    llmock.reply(BLOCK.format(name="alpha")).reply("Fine.").reply("DONE")
    cell = await interactive.run(PAIR.format(name="alpha"), within=2)
    await until(interactive, "alpha.status == 'waiting'")
    error = await interactive.run("alpha.answer")
    assert error.errors[0]["traceback"] == [
        "RunNotFinished: run 'alpha' has not ended: put \"await alpha\" before this"
    ]
    shown_so_far = await said(interactive, "%team show alpha")
    assert "print('block of', 'alpha')" in shown_so_far
    assert "answer it with %team approve alpha, or %team reject alpha REASON" in shown_so_far
    assert await said(interactive, "%team approve") == "run 'alpha': block 1 of coder is approved"
    await interactive.run("await alpha")
    assert await said(interactive, "alpha.answer") == "'Fine.'"
    await interactive.run("await asyncio.sleep(0)")
    assert "Fine." in shown(interactive, cell)


async def test_approve_all_asks_no_more(interactive: Notebook, llmock: Any) -> None:
    llmock.reply("```python\n1 / 0\n```").reply(BLOCK.format(name="alpha")).reply("Fine.").reply("DONE")
    await interactive.run(PAIR.format(name="alpha"))
    await until(interactive, "alpha.status == 'waiting'")
    approved = await said(interactive, "%team approve alpha --all")
    assert approved == "run 'alpha': block 1 of coder is approved, and all further ones"
    await interactive.run("await alpha")
    assert await said(interactive, "alpha.answer") == "'Fine.'"
    questions = "[entry['type'] for entry in alpha.journal.entries].count('question')"
    assert await said(interactive, questions) == "1"


async def test_reject_tells_the_agent_why(interactive: Notebook, llmock: Any) -> None:
    llmock.reply("```python\nopen('rejected', 'w')\n```").reply("Then not.").reply("DONE")
    await interactive.run(PAIR.format(name="alpha"))
    await until(interactive, "alpha.status == 'waiting'")
    refused = await said(interactive, "%team reject alpha Who told you to {write} files?")
    assert refused == "run 'alpha': block 1 of coder is refused"
    await interactive.run("await alpha")
    assert "Who told you to {write} files?" in llmock.requests[1].body["messages"][-1]["content"]
    assert await said(interactive, "import os; os.path.exists('rejected')") == "False"


async def test_reply_is_what_the_agent_hears(interactive: Notebook, llmock: Any) -> None:
    await interactive.run("%team create talk writer you --max-turns 3")
    llmock.reply("What do you think?").reply("I see.")
    await interactive.run("%%team run talk --detach --as alpha\nTalk.")
    await until(interactive, "alpha.status == 'waiting'")
    wrong = await interactive.run("%team approve alpha")
    assert "does not answer question q1" in wrong.errors[0]["evalue"] and len(wrong.errors[0]["traceback"]) == 1
    replied = await said(interactive, "%team reply alpha Is it {net} churn?")
    assert replied == "run 'alpha': your reply is on its way"
    await interactive.run("await alpha")
    assert llmock.last_request.body["messages"][-1]["content"] == "Is it {net} churn?"


async def test_stop_ends_a_run_and_its_connection(interactive: Notebook, llmock: Any) -> None:
    llmock.reply("one two three four").stall(after_chunks=1, seconds=20)
    cell = await interactive.run("%%team run writer --detach --as alpha\nhi")
    await model_is_asked(llmock)
    assert await said(interactive, "%team stop alpha") == "stopping 'alpha'"
    await until(interactive, "alpha.ended")
    assert await said(interactive, "alpha.status") == "'stopped'"
    assert await said(interactive, "%team stop alpha") == "run 'alpha' has ended already (stopped)"
    assert "stopped by you" in shown(interactive, cell)
    assert [request.completed for request in llmock.requests] == [False]
    nothing = await interactive.run("%team approve alpha")
    assert nothing.errors[0]["traceback"] == ["RunNotFinished: run 'alpha' asks nothing at the moment (it is stopped)"]


SOONER = "import nbagents.widgets.run_view as run_view\nrun_view.HELLO_SECONDS = {seconds}"
"""A front end that shows no widget is given less time to do it, once a test has waited as long as a person does."""


@pytest.mark.parametrize(("typed", "decision"), [("y", "run"), ("a", "allow"), ("not that", "reject")])
async def test_the_input_box_asks_while_the_cell_awaits(
    interactive: Notebook, llmock: Any, typed: str, decision: str
) -> None:
    await interactive.run(SOONER.format(seconds=2 if typed == "y" else 0.2))
    llmock.reply(BLOCK.format(name="asked")).reply("Fine.").reply("DONE")
    cell = interactive.start_cell("%%team run pair --as asked\nCompute it.")
    request = await interactive.input_request()
    assert "print('block of', 'asked')" in request["content"]["prompt"]
    interactive.reply_input(request, typed)
    await cell.ends()
    assert not cell.errors
    [answer] = await interactive.value("print(json.dumps([e for e in asked.journal.entries if e['type'] == 'answer']))")
    assert (answer["decision"], answer["channel"]) == (decision, "stdin")
    assert "Fine." in shown(interactive, cell)


async def test_a_person_types_into_the_input_box(interactive: Notebook, llmock: Any) -> None:
    await interactive.run(SOONER.format(seconds=0.2))
    await interactive.run("%team create talk writer you --max-turns 3")
    llmock.reply("What do you think?").reply("I see.")
    cell = interactive.start_cell("%%team run talk --as asked\nTalk.")
    request = await interactive.input_request()
    interactive.reply_input(request, "net churn, {please}?")
    await cell.ends()
    assert not cell.errors
    assert llmock.last_request.body["messages"][-1]["content"] == "net churn, {please}?"
