"""A run that was resumed, as a reader sees it: what to do while it rests, and one story when it went on."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from nbagents.agents import UserProxyAgent
from nbagents.errors import BudgetReached, RunStopped
from nbagents.runtime import Answer, Budget, Question, Run
from nbagents.widgets import wording
from nbagents.widgets.items import Asked, Resumed
from nbagents.widgets.run_view import RunView
from nbagents.widgets.screen import Screen
from nbagents.widgets.static import bundle
from nbagents.widgets.transcript import Transcript
from tests.widgets import runs
from tests.widgets.test_run_view import Notebook, a_cell, analysis, notebook

__all__ = ["notebook"]  # the fixture

LINE = "%team resume churn --budget +2turns"


async def until_the_pause() -> list[dict[str, Any]]:
    entries = await runs.paused_and_resumed()
    return entries[: next(entry["seq"] for entry in entries if entry["type"] == "resumed")]


async def test_a_paused_run_says_what_to_do_in_every_form() -> None:
    entries = await until_the_pause()
    transcript = Transcript.of([*entries[:-1], {**entries[-1], "more": "+2turns"}])
    shown = bundle(transcript)
    for text in shown.values():
        assert "paused: budget 1 turn reached after turn 1 (nothing lost)" in text and LINE in text
    assert f"go on with <code>{LINE}</code>" in shown["text/html"]
    transcript.went_on = True
    for text in bundle(transcript).values():
        assert LINE not in text and "%team show churn" in text


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (runs.stopped_in_code, "go on with %team resume churn"),
        (runs.failed, "go on with %team resume churn"),
        (runs.approved, ""),
        (runs.cut_off, ""),
    ],
)
async def test_what_can_be_done_about_a_run_that_is_not_done(make: Any, line: str) -> None:
    assert " ".join(wording.how_to_resume(Transcript.of(await make()))).strip() == line


async def test_where_a_person_was_missing_going_on_would_ask_the_same() -> None:
    entries = await runs.approved()
    asked = next(index for index, entry in enumerate(entries) if entry["type"] == "question")
    end = {**entries[-1], "status": "failed", "reason": "nobody is there", "error": "nobody is there"}
    assert wording.how_to_resume(Transcript.of([*entries[: asked + 1], end])) == ("", "")


async def test_the_story_is_one() -> None:
    entries = await runs.paused_and_resumed()
    transcript = Transcript.of(entries)
    assert (transcript.status, transcript.turn, transcript.turns) == ("done", 2, 3)
    [resumed] = [item for item in transcript.items if isinstance(item, Resumed)]
    said = "paused: budget 1 turn reached after turn 1 (nothing lost) · resumed by you with a budget of 3 turns"
    assert wording.resumed(resumed) == said
    for text in bundle(transcript).values():
        assert text.count(said) == 1 and "go on with" not in text
    told = Resumed("r", 1, "", "failed: x", "maria", {"usd": 1.0, "tokens": 2000, "minutes": 2.5}, {"analyst": 2})
    assert wording.resumed(told) == (
        "failed: x · resumed by maria with a budget of $1.00, 2,000 tokens, 2.5 min "
        "· run once more in new containers: 2 blocks of analyst"
    )


async def test_the_time_in_between_does_not_count() -> None:
    entries = await runs.paused_and_resumed()
    at = next(entry["seq"] for entry in entries if entry["type"] == "resumed")
    usual = Transcript.of(entries).seconds
    night = timedelta(hours=9)
    later = [{**entry, "at": (datetime.fromisoformat(entry["at"]) + night).isoformat()} for entry in entries[at:]]
    assert Transcript.of([*entries[:at], *later]).seconds == pytest.approx(usual, abs=0.01)


async def test_another_cell_shows_it_from_then_on_and_the_first_says_so(notebook: Notebook) -> None:
    run = analysis(approve="always")
    run.gate.budget = Budget(turns=1)
    first = notebook.run_view = RunView(run, a_cell(), interactive=True)
    first.show()
    run.start(runs.TASK)
    with pytest.raises(BudgetReached):
        await run
    first.finish()
    assert "go on with %team resume churn --budget +1turn" in notebook.output["text/plain"]
    run.resume("+3turns")
    first.leave(a_cell())
    assert "resumed since then, see %team show churn" in notebook.output["text/plain"]
    notebook.published = 0  # the next cell's output
    second = notebook.run_view = RunView(run, a_cell(), interactive=True, awaited=False)
    second.show()
    page = notebook.open()
    await notebook.until(lambda: "resumed" in [item["kind"] for item in page.items])
    await run
    await notebook.until(lambda: "churn: done" in notebook.output["text/plain"])
    assert run.gate.listeners == [], "nobody had to finish it"


async def a_silent_person_stopped_and_resumed() -> Run:
    """Stopped while a person is asked, and resumed: the question is put anew."""

    async def silence(question: Question) -> None:
        return None

    run = runs.run_of(UserProxyAgent("you"))
    run.gate.asker = silence
    run.start(runs.TASK)
    for _ in range(2):
        while run.status != "waiting":
            await asyncio.sleep(0)
        if "resumed" not in [entry["type"] for entry in run.journal.entries]:
            run.stop()
            with pytest.raises(RunStopped):
                await run
            run.resume()
    return run


async def test_a_question_that_was_stopped_is_not_asked_any_more() -> None:
    run = await a_silent_person_stopped_and_resumed()
    open_question = run.gate.questions.oldest()
    assert open_question is not None
    screen = Screen(lambda message: None)
    for entry in run.journal.entries:
        screen.entry(entry)
    waiting = screen.transcript.waiting
    assert isinstance(waiting, Asked) and waiting.question == open_question.id == "q2"
    run.answer_question(Answer("end", text="Enough."), waiting.question)
    await run
    for text in bundle(Transcript.of(run.journal.entries)).values():
        assert text.count("not answered: the run ended") == 1 and "waits for a reply" not in text


async def test_the_rest_of_a_run_that_was_stopped_while_it_was_paused_does_not_count() -> None:
    entries = await until_the_pause()
    usual, at = Transcript.of(entries).seconds, datetime.fromisoformat(entries[-1]["at"])
    hour = timedelta(hours=1)
    stopped = {**entries[-1], "status": "stopped", "at": (at + hour).isoformat()}
    resumed = {"type": "resumed", "by": "you", "at": (at + 2 * hour).isoformat()}
    for more in ([stopped], [stopped, resumed]):
        assert Transcript.of([*entries, *more]).seconds == pytest.approx(usual, abs=0.01)


async def test_a_run_that_was_detached_belongs_to_the_cell_that_resumes_it() -> None:
    entries = await runs.paused_and_resumed()
    at = next(entry["seq"] for entry in entries if entry["type"] == "resumed")
    before = [*entries[: at - 1], {"type": "detached"}, entries[at - 1]]
    assert Transcript.of(before).detached and not Transcript.of([*before, entries[at]]).detached
