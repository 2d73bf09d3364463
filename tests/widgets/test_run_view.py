"""A run in its cell's output: what is published, what a view's messages do, and how a question finds a person."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import pytest
import pytest_asyncio

from nbagents.agents import UserProxyAgent
from nbagents.errors import HumanInputUnavailable, RunStopped
from nbagents.kernel.cell import Cell
from nbagents.messages import TextMessage
from nbagents.runtime import Run
from nbagents.widgets import display, run_view
from nbagents.widgets.run_view import RunView
from nbagents.widgets.run_widget import RunWidget
from tests.scripted import EndlessExecutor, ScriptedExecutor
from tests.widgets import runs
from tests.widgets.browser import View

WIDGET = "application/vnd.jupyter.widget-view+json"


def a_cell(*, allow_stdin: bool = True) -> Cell:
    return Cell(
        shell=None,  # type: ignore[arg-type]  # nothing here asks the shell
        kernel=None,
        context=copy_context(),
        parent={},
        ident=None,
        allow_stdin=allow_stdin,
        cell_id=None,
        in_flight=None,
    )


class Notebook:
    """The front end of one run: what the cell's output shows, and its views."""

    def __init__(self) -> None:
        self.output: dict[str, Any] = {}
        self.published = 0
        self.ids: set[str] = set()
        self.closed = False
        self.views: list[View] = []
        self.arrived = asyncio.Event()
        self.run_view: RunView
        self.loop = asyncio.get_running_loop()
        self.on_their_way: deque[dict[str, Any]] = deque()

    def publish(self, data: dict[str, Any], metadata: Any, *, transient: dict[str, str], update: bool) -> None:
        assert update == bool(self.published)
        self.output, self.published = data, self.published + 1
        self.ids.add(transient["display_id"])
        self.arrived.set()

    def receive(self, message: dict[str, Any]) -> None:
        """From any thread, in the order in which it was sent: deltas come from the I/O thread."""
        self.on_their_way.append(message)
        if threading.current_thread() is threading.main_thread():
            self._deliver()
        else:
            self.loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        while self.on_their_way:
            message = self.on_their_way.popleft()
            for view in self.views:
                view.receive(message)
            self.arrived.set()

    def say(self, **content: Any) -> None:
        """A view's message, as the tap hands it on: from another thread."""
        thread = threading.Thread(target=self.run_view._received, args=(content, []))
        thread.start()
        thread.join()

    def open(self, name: str = "v") -> View:
        self.views.append(View(name))
        self.say(t="hello", view=name)
        return self.views[-1]

    async def until(self, condition: Callable[[], Any]) -> Any:
        while not (found := condition()):
            self.arrived.clear()
            await asyncio.wait_for(self.arrived.wait(), 10)
        return found


@pytest_asyncio.fixture
async def notebook(monkeypatch: pytest.MonkeyPatch) -> Notebook:
    notebook = Notebook()
    monkeypatch.setattr(display, "publish_display_data", notebook.publish)
    monkeypatch.setattr(RunWidget, "send", lambda _self, message: notebook.receive(message))

    def close(widget: RunWidget) -> None:
        notebook.closed = True

    monkeypatch.setattr(RunWidget, "close", close)
    return notebook


def shown(notebook: Notebook, run: Run, *, interactive: bool = True, allow_stdin: bool = True) -> RunView:
    view = notebook.run_view = RunView(run, a_cell(allow_stdin=allow_stdin), interactive=interactive)
    run.gate.asker = view.ask
    view.show()
    return view


def analysis(executor: Any = None, **options: Any) -> Run:
    agent = runs.analyst(executor or ScriptedExecutor(runs.CHART), runs.CODE, "It is 42.")
    return runs.run_of(agent, runs.critic(), **options)


def question_of(view: View) -> str | None:
    return view.question["id"] if view.question else None


async def test_while_it_runs_there_is_a_widget_and_a_text_for_those_who_cannot_see_it(notebook: Notebook) -> None:
    shown(notebook, analysis())
    assert WIDGET in notebook.output
    assert "run churn is in progress" in notebook.output["text/plain"]
    assert "run churn is in progress" in notebook.output["text/html"]


async def test_a_click_approves_and_the_end_is_a_static_block(notebook: Notebook) -> None:
    run = analysis()
    view = shown(notebook, run)
    page = notebook.open()
    run.start(runs.TASK)
    question = await notebook.until(lambda: question_of(page))
    notebook.say(t="answer", id="v-1", question=question, decision="run")
    await run
    view.finish()
    assert run.answer == "Well done. APPROVED"
    assert {"t": "ack", "id": "v-1"} in page.other
    assert page.question is None
    assert page.status["status"] == "done"
    assert set(notebook.output) == {"text/html", "text/markdown", "text/plain"}
    assert "block 1" in notebook.output["text/plain"]
    assert len(notebook.ids) == 1
    assert notebook.closed
    assert run.gate.listeners == []


@pytest.mark.parametrize(
    ("answer", "code", "state"),
    [
        ({"decision": "edit", "code": "n = 43"}, ["n = 43"], "done"),
        ({"decision": "reject", "text": "no"}, [], "rejected"),
        ({"decision": "allow"}, ["n = 6 * 7\nn"], "done"),
    ],
)
async def test_the_other_decisions(notebook: Notebook, answer: dict[str, str], code: list[str], state: str) -> None:
    executor = ScriptedExecutor(runs.CHART)
    run = analysis(executor)
    shown(notebook, run)
    page = notebook.open()
    run.start(runs.TASK)
    question = await notebook.until(lambda: question_of(page))
    notebook.say(t="answer", id="v-1", question=question, **answer)
    await run
    await notebook.until(lambda: page.status["status"] == "done")
    assert executor.ran == code
    assert [item["state"] for item in page.items if item["kind"] == "block"] == [state]


async def test_a_reply_from_a_view(notebook: Notebook) -> None:
    run = runs.run_of(runs.assistant("a", "Shall I?", "Done. APPROVED"), UserProxyAgent("you"))
    shown(notebook, run)
    page = notebook.open()
    run.start(runs.TASK)
    question = await notebook.until(lambda: question_of(page))
    notebook.say(t="answer", id="v-1", question=question, decision="reply", text="Go on")
    await run
    texts = [message.to_text() for message in run.messages if isinstance(message, TextMessage)]
    assert texts[2:] == ["Shall I?", "Go on", "Done. APPROVED"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"decision": "perhaps"}, "'perhaps'"),
        ({"decision": "reply", "text": "x"}, "does not answer"),
        ({"decision": "edit", "code": " "}, "empty"),
        ({"decision": "edit", "code": 7}, "code=7"),
        ({"decision": "run", "question": "q99"}, "unknown question 'q99'"),
    ],
)
async def test_an_answer_that_is_none_is_refused_and_the_question_waits(
    notebook: Notebook, answer: dict[str, Any], why: str
) -> None:
    run = analysis()
    shown(notebook, run)
    page = notebook.open()
    run.start(runs.TASK)
    question = await notebook.until(lambda: question_of(page))
    notebook.say(**{"t": "answer", "id": "v-1", "question": question, **answer})
    refused = await notebook.until(lambda: [other for other in page.other if other["t"] == "refused"])
    assert why in refused[0]["message"]
    assert run.status == "waiting"
    run.stop()
    with pytest.raises(RunStopped):
        await run


async def test_a_message_that_comes_twice_is_done_once(notebook: Notebook) -> None:
    run = analysis()
    shown(notebook, run)
    page = notebook.open()
    run.start(runs.TASK)
    question = await notebook.until(lambda: question_of(page))
    for _ in range(2):
        notebook.say(t="answer", id="v-1", question=question, decision="run")
    await run
    assert not [other for other in page.other if other["t"] == "refused"]


async def test_a_second_view_and_a_view_that_missed_something_get_everything(notebook: Notebook) -> None:
    run = analysis()
    view = shown(notebook, run)
    first = notebook.open("first")
    run.start(runs.TASK)
    await notebook.until(lambda: question_of(first))
    second = notebook.open("second")
    await notebook.until(lambda: second.items)
    assert second.shown() == first.shown()
    first.items, first.seq = [], None
    notebook.say(t="resync", view="first")
    await notebook.until(lambda: first.items)
    assert second.shown() == first.shown()
    notebook.say(t="answer", id="second-1", question=question_of(second), decision="run")
    await run
    view.finish()
    assert first.shown() == second.shown()
    assert not notebook.closed, "a page that was reloaded keeps the widget: it gets no static block"


async def test_a_view_that_went_away_does_not_count(notebook: Notebook) -> None:
    run = analysis()
    view = shown(notebook, run)
    notebook.open("first")
    notebook.say(t="bye", view="first")
    page = notebook.open("second")
    run.start(runs.TASK)
    question = await notebook.until(lambda: question_of(page))
    notebook.say(t="answer", id="second-1", question=question, decision="run")
    await run
    view.finish()
    assert notebook.closed


async def test_stop_ends_the_run_and_interrupts_code(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupts: list[object] = []
    monkeypatch.setattr(run_view, "interrupt_main_thread", interrupts.append)
    executor = EndlessExecutor()
    run = analysis(executor, approve="always")
    view = shown(notebook, run)
    notebook.open()
    run.start(runs.TASK)
    await executor.started.wait()
    notebook.say(t="stop", id="v-1")
    with pytest.raises(RunStopped):
        await run
    view.finish()
    assert executor.cancelled
    assert interrupts == [run.gate]
    assert "stopped: run 'churn' was stopped by you" in notebook.output["text/plain"]


async def test_a_detached_run_ends_its_view_itself(notebook: Notebook) -> None:
    run = analysis()
    shown(notebook, run)
    page = notebook.open()
    run.start(runs.TASK)
    question = await notebook.until(lambda: question_of(page))
    notebook.say(t="detach", id="v-1")
    assert await run.wait_or_detach() is False
    await notebook.until(lambda: page.status["detached"])
    notebook.say(t="answer", id="v-2", question=question, decision="run")
    await run
    await notebook.until(lambda: WIDGET not in notebook.output)
    assert notebook.closed


async def test_where_nobody_is_there_no_widget_is_made_and_only_the_end_is_shown(notebook: Notebook) -> None:
    run = analysis(approve="always")
    view = shown(notebook, run, interactive=False, allow_stdin=False)
    run.start(runs.TASK)
    await run
    assert notebook.published == 0
    view.finish()
    view.finish()
    assert notebook.published == 1
    assert set(notebook.output) == {"text/html", "text/markdown", "text/plain"}


async def test_where_nobody_is_there_a_question_fails_the_run_and_says_what_is_needed(notebook: Notebook) -> None:
    run = analysis()
    view = shown(notebook, run, interactive=False, allow_stdin=False)
    run.start(runs.TASK)
    with pytest.raises(
        HumanInputUnavailable, match="approve block 1 of analyst: run it with --approve always, or in Jup"
    ):
        await run
    view.finish()
    assert "approve block 1 of analyst" in notebook.output["text/plain"]


async def test_a_reply_that_nobody_can_give_is_named(notebook: Notebook) -> None:
    run = runs.run_of(UserProxyAgent("you"))
    shown(notebook, run, interactive=False, allow_stdin=False)
    run.start(runs.TASK)
    with pytest.raises(HumanInputUnavailable, match="you must reply"):
        await run


class Box:
    """The front end's input box."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.prompts: list[str] = []
        self.typed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.cancelled = False
        monkeypatch.setattr(run_view, "HELLO_SECONDS", 0.0)
        monkeypatch.setattr(run_view, "ask_on_stdin", self.ask)

    async def ask(self, _cell: Cell, prompt: str) -> str:
        self.prompts.append(prompt)
        try:
            return await self.typed
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def test_without_widgets_the_input_box_asks_and_the_text_grows(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Box(monkeypatch)
    run = analysis()
    view = shown(notebook, run)
    run.start(runs.TASK)
    await notebook.until(lambda: "I will count." in notebook.output["text/plain"])
    assert WIDGET in notebook.output, "a front end that is only slow still gets its widget"
    box.typed.set_result("y")
    await run
    assert len(box.prompts) == 1
    assert "n = 6 * 7" in box.prompts[0]
    assert run.journal.entries[-1]["status"] == "done"
    assert [entry["channel"] for entry in run.journal.entries if entry["type"] == "answer"] == ["stdin"]
    view.finish()
    assert WIDGET not in notebook.output


async def test_a_widget_that_comes_late_answers_instead_of_the_input_box(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Box(monkeypatch)
    run = analysis()
    shown(notebook, run)
    run.start(runs.TASK)
    await notebook.until(lambda: run.status == "waiting" and box.prompts)
    page = notebook.open()
    question = await notebook.until(lambda: question_of(page))
    notebook.say(t="answer", id="v-1", question=question, decision="run")
    await run
    assert box.cancelled


async def test_the_widget_holds_nothing_of_the_run() -> None:
    content = set(RunWidget().keys) - set(RunWidget.__mro__[1]().keys)
    assert not {name for name in content if not name.startswith("_")}
