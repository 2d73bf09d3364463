"""What is saved in the notebook: complete, safe, and understandable without any style."""

from __future__ import annotations

import re

import pytest

from nbagents.code import CodeResult
from nbagents.widgets import static
from nbagents.widgets.static import as_html, bundle
from nbagents.widgets.text import inert_markdown
from nbagents.widgets.transcript import Transcript
from tests.scripted import ScriptedExecutor
from tests.widgets import runs
from tests.widgets.dom import Page, wrongs
from tests.widgets.runs import RUNS
from tests.widgets.test_markdown import HOSTILE


async def test_every_run_at_every_moment_can_be_shown() -> None:
    for make in RUNS.values():
        entries = await make()
        for length in range(len(entries) + 1):
            shown = bundle(Transcript.of(entries[:length]))
            assert set(shown) == {"text/html", "text/markdown", "text/plain"}
            assert all(text.strip() for text in shown.values())
            assert not wrongs(shown["text/html"])


async def test_the_answer_comes_first_and_the_turns_are_folded() -> None:
    html = bundle(Transcript.of(await runs.approved()))["text/html"]
    page = Page(html)
    summaries = re.findall(r"<summary>(.*?)</summary>", html)
    assert summaries[0].startswith("<strong>churn</strong> · done · 2 turns · 1 block · ")
    assert summaries[1:] == [
        "task · How many?",
        "shared with the agents",
        "1 · analyst · block 1 ran",
        "2 · critic · the answer",
    ]
    assert html.startswith("<details open>")
    assert [attributes.get("open") for attributes in page.tags("details")] == ["", None, None, None, None]
    assert page.text.index("Well done.") < page.text.index("How many?")
    assert page.text.count("Well done.") == 1
    assert page.text.count("n = 6 * 7") == 1
    assert "approved by you" in page.text
    assert "tokens in 3 model calls" in page.text


async def test_a_picture_is_saved_once_beside_the_answer() -> None:
    html = bundle(Transcript.of(await runs.approved()))["text/html"]
    assert len(Page(html).tags("img")) == 1
    assert html.index("<img") < html.index("1 · analyst")
    assert "The figure of block 1 stands above." in html


async def test_it_needs_no_style_class_or_id() -> None:
    html = bundle(Transcript.of(await runs.approved()))["text/html"]
    for tag, attributes in Page(html).elements:
        assert not {"style", "id"} & attributes.keys()
        assert "class" not in attributes or tag in ("code", "span")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("rejected", "Reason: use the data"),
        ("edited", "edited and approved by you"),
        ("edited", "writes n · rebinds df"),
        ("unasked", "code ran in this notebook without being asked"),
        ("first_of_two_fails", "NameError"),
        ("stopped_in_code", "was stopped by you in turn 1"),
        ("failed", "No more mock responses available"),
        ("person", "Go on, please."),
        ("cut_off", "%team show churn"),
    ],
)
async def test_what_happened_is_said_in_every_form(name: str, said: str) -> None:
    shown = bundle(Transcript.of(await RUNS[name]()))
    text = Page(shown["text/html"]).text
    assert said in text
    assert "<p>" not in text  # nothing is escaped twice
    if name not in ("unasked", "cut_off"):
        assert said in shown["text/plain"]
        assert said in shown["text/markdown"]


async def test_how_a_run_without_an_answer_ended_is_said_once() -> None:
    html = bundle(Transcript.of(await runs.stopped_in_code()))["text/html"]
    assert html.count("was stopped by you in turn 1") == 1
    assert "block 1 stopped" in html and "block 1 failed" not in html
    assert html.count("printed before the stop") == 1


async def test_a_detached_run_says_how_to_answer() -> None:
    entries = await runs.approved()
    asked = next(number for number, entry in enumerate(entries) if entry["type"] == "question")
    waiting = entries[: asked + 1]
    detached = [*waiting, {"type": "detached"}]
    for kind in ("text/plain", "text/markdown", "text/html"):
        assert "%team approve churn, or %team reject churn REASON" in bundle(Transcript.of(detached))[kind]
        assert "%team approve" not in bundle(Transcript.of(waiting))[kind]  # it would wait behind the run's cell


def test_where_code_runs_is_one_paragraph() -> None:
    settings = {"places": ["code: docker", "a: network bridge", "a: <b>"]}
    html = as_html(
        Transcript.of([{"type": "run", "name": "r", "settings": settings}, {"type": "task", "messages": []}])
    )
    assert "<p><small>code: docker<br>a: network bridge<br>a: &lt;b&gt;</small></p>" in html


async def test_plain_text_is_the_whole_story() -> None:
    text = bundle(Transcript.of(await runs.approved()))["text/plain"]
    assert re.sub(r"\d+ tokens|\d:\d\d", "#", text) == (
        "churn: done · 2 turns · 1 block · # · #\n\n"
        "Well done. APPROVED\n\n"
        "--- task\n\nHow many?\n\nshared: df: DataFrame with 3 rows and 2 columns\n\n"
        "--- 1 · analyst\n\nI will count.\n\n[block 1 · python · live · ran · approved by you]\n\n"
        "    n = 6 * 7\n    n\n\n    42\n    [figure]\n\n(writes n · rebinds df)\n\n"
        "Then I will know.\n\nIt is **42**.\n\n"
        "--- 2 · critic\n\n(the answer above)\n\n"
        "--- done: Text 'APPROVED' mentioned · # in 3 model calls"
    )


async def test_what_is_too_large_is_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static, "LARGEST", 3_000)
    executor = ScriptedExecutor(CodeResult(exit_code=0, output="x" * 10_000))
    run = runs.run_of(runs.analyst(executor, runs.CODE, "Done."), runs.critic(), answers=[runs.YES])
    html = bundle(Transcript.of(await runs.entries_of(run)))["text/html"]
    assert "the output of block 1 is left out here" in html
    assert "Well done." in html
    assert len(html) < 6_000


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
async def test_nothing_hostile_is_saved(hostile: str) -> None:
    result = CodeResult(
        exit_code=1,
        output=hostile,
        outputs=[
            {"output_type": "stream", "name": "stdout", "text": hostile},
            {"output_type": "display_data", "data": {"text/html": hostile, "text/plain": hostile}, "metadata": {}},
            {"output_type": "error", "ename": hostile, "evalue": hostile, "traceback": [hostile]},
        ],
    )
    answer = f"{hostile}\n\n```python\n'''{hostile}'''\n```\n"
    run = runs.run_of(runs.analyst(ScriptedExecutor(result), answer, hostile), runs.critic(), approve="always")
    shown = bundle(Transcript.of(await runs.entries_of(run)))
    assert not wrongs(shown["text/html"])
    markdown = without_fences(shown["text/markdown"])
    assert "<" not in markdown
    assert "![" not in markdown
    assert not re.search(r"(javascript|vbscript|data|file)\\?:", markdown, re.I)
    assert shown["text/plain"].encode()


def without_fences(markdown: str) -> str:
    """What CommonMark reads as markdown: all but the fenced code."""
    kept, fence = [], ""
    for line in markdown.split("\n"):
        opening = re.match(r"`{3,}", line)
        if not fence and opening:
            fence = opening[0]
        elif fence and line == fence:
            fence = ""
        elif not fence:
            kept.append(line)
    return "\n".join(kept)


def test_code_cannot_leave_its_fence() -> None:
    inert = inert_markdown("````python\nx = '''\n```\n<script>\n'''\n````")
    assert inert == "````python\nx = '''\n```\n<script>\n'''\n````"
    assert inert_markdown("~~~\n```\n<b>\n```\n~~~") == "````\n```\n<b>\n```\n````"
