"""A view that follows the deltas shows what a view shows that begins now."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from nbagents.widgets.screen import Screen
from tests.scripted import ScriptedExecutor
from tests.widgets import runs
from tests.widgets.browser import View
from tests.widgets.dom import wrongs
from tests.widgets.runs import RUNS


class Shown:
    """A screen and the views that see all that it sends."""

    def __init__(self) -> None:
        self.views: list[View] = []
        self.sent: list[dict[str, Any]] = []
        self.screen = Screen(self.send, asyncio.get_running_loop().call_later)

    def send(self, message: dict[str, Any]) -> None:
        self.sent.append(json.loads(json.dumps(message)))
        for view in self.views:
            view.receive(self.sent[-1])

    def open(self, name: str) -> View:
        view = View(name)
        self.views.append(view)
        self.screen.snapshot(name)
        return view


async def test_following_is_the_same_as_beginning_now() -> None:
    for make in RUNS.values():
        entries = await make()
        shown = Shown()
        follower = shown.open("follower")
        for number, entry in enumerate(entries):
            if entry["type"] == "message":
                source, id = entry["message"]["source"], entry["message"]["id"]
                for piece in entry["message"].get("content", "").split(" "):
                    shown.screen.chunk(source, id, piece + " ")
                    shown.screen.flush()
                assert shown.open(f"amid {number}").shown() == follower.shown()
            shown.screen.entry(entry)
            if number % 2:
                shown.screen.flush()
            assert shown.open(f"after {number}").shown() == follower.shown()
        assert all(view.shown() == follower.shown() for view in shown.views)
        assert not any(item["kind"] == "draft" for item in follower.items)
        assert not [wrong for item in follower.items for wrong in wrongs(item["html"])]


async def test_nothing_is_sent_before_a_view_is_there() -> None:
    shown = Shown()
    for entry in await runs.approved():
        shown.screen.entry(entry)
    shown.screen.flush()
    await asyncio.sleep(0.1)
    assert not shown.sent
    assert len(shown.open("late").items) == 6


async def test_a_piece_that_comes_after_the_end_is_not_shown() -> None:
    shown = Shown()
    view = shown.open("view")
    for entry in await runs.approved():
        shown.screen.entry(entry)
    shown.screen.chunk("coder", "late", "on its way when the run was stopped")
    shown.screen.close()
    assert not [item for item in view.items if item["kind"] == "draft"]


async def test_a_draft_gives_way_to_its_message_in_one_delta() -> None:
    entries = await runs.approved()
    written = next(index for index, entry in enumerate(entries) if entry["type"] == "message")
    shown = Shown()
    for entry in entries[:written]:
        shown.screen.entry(entry)
    view = shown.open("v")
    shown.screen.chunk("analyst", "m", "I will count.\n\n```python\nn = 6")
    shown.screen.flush()
    assert [item["kind"] for item in view.items] == ["task", "draft"]
    assert view.items[1]["html"] == "<p>I will count.</p>\n"
    assert "n</span>" in view.items[1]["tail"]
    before = len(shown.sent)
    shown.screen.entry(entries[written])
    shown.screen.flush()
    assert len(shown.sent) == before + 1
    assert [item["kind"] for item in view.items] == ["task", "said", "block", "said"]


async def test_the_status_line() -> None:
    entries = await runs.approved()
    asked = next(index for index, entry in enumerate(entries) if entry["type"] == "question")
    shown = Shown()
    for entry in entries[: asked + 1]:
        shown.screen.entry(entry)
    view = shown.open("v")
    assert {name: view.status[name] for name in ("status", "activity", "turn", "turns", "unasked")} == {
        "status": "waiting",
        "activity": "waiting for you: block 1",
        "turn": 1,
        "turns": 6,
        "unasked": False,
    }
    assert view.question == {
        "id": "q1",
        "item": view.items[2]["id"],
        "agent": "analyst",
        "kind": "approval",
        "code": "n = 6 * 7\nn",
        "number": 1,
    }
    assert (view.items[2]["title"], view.items[2]["label"]) == ("block 1 · python · live", "waiting for you")


async def test_a_status_that_is_the_same_is_not_sent_again() -> None:
    shown = Shown()
    for entry in (await runs.approved())[:4]:
        shown.screen.entry(entry)
    shown.open("v")
    shown.screen.chunk("analyst", "m", "a")
    shown.screen.flush()
    assert [op["op"] for op in shown.sent[-1]["ops"]] == ["put", "text"]


async def test_halves_of_characters_can_be_sent() -> None:
    executor = ScriptedExecutor()
    answer = "a \ud800\n\n```python\nx = '\udfff'\n```"
    run = runs.run_of(runs.analyst(executor, answer, "no"), runs.critic(), answers=[runs.NO])
    shown = Shown()
    view = shown.open("v")
    for entry in await runs.entries_of(run):
        shown.screen.entry(entry)
        shown.screen.flush()
    assert json.dumps(view.shown(), ensure_ascii=False).encode()
