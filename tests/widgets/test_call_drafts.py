"""A call of a tool is seen while it is written, and gives way to what becomes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from nbagents.agents import AssistantAgent
from nbagents.models import CreateResult, FunctionCall, ReplayChatCompletionClient, RequestUsage
from nbagents.models.notices import CallPiece, FailedAttempt, tell
from nbagents.runtime import Answer, Gate, passing
from nbagents.runtime.written_calls import CallListener
from nbagents.tools import FunctionTool
from nbagents.widgets.run_view import RunView
from tests.scripted import ScriptedPerson
from tests.widgets.browser import View
from tests.widgets.dom import wrongs
from tests.widgets.test_screen import Shown

ARGUMENTS = ['{"a"', ": 4", "}"]


def halve(a: int) -> int:
    return a // 2


class Writer(ReplayChatCompletionClient):
    """Calls `halve` twice at once, in pieces, as its second attempt."""

    def __init__(self, watch: Any) -> None:
        calls = [FunctionCall(f"c{at}", "".join(ARGUMENTS), "halve") for at in (0, 1)]
        made = CreateResult(finish_reason="function_calls", content=calls, usage=RequestUsage(1, 1))
        super().__init__([made, "Done."])
        self._watch = watch

    async def create_stream(self, messages: Any, **asked: Any) -> AsyncIterator[Any]:  # type: ignore[override]  # a generator
        if not self.create_calls:
            tell(CallPiece(0, "c", "double", '{"a": 1'))
            self._watch("first")
            tell(FailedAttempt("replay", "script", "", "replay", RequestUsage(1, 1), True))
            self._watch("failed")
            for piece in ARGUMENTS:
                for at in (0, 1):
                    tell(CallPiece(at, f"c{at}", "halve", piece))
            self._watch("written")
        async for part in super().create_stream(messages, **asked):
            yield part


def drafts(view: View) -> list[tuple[str, str]]:
    return [(item["title"], item["tail"]) for item in view.items if item["kind"] == "draft"]


@pytest.mark.parametrize("approved", [False, True], ids=["unasked", "approved"])
async def test_a_call_is_seen_as_it_is_written_and_then_as_what_becomes_of_it(approved: bool) -> None:
    shown, seen = Shown(), dict[str, list[tuple[str, str]]]()
    view = shown.open("v")

    def watch(when: str) -> None:
        shown.screen.flush()
        seen[when] = drafts(view)

    gate = Gate(asker=ScriptedPerson([Answer("run", channel="widget")] * 2))
    gate.listeners.append(shown.screen)
    tool = FunctionTool(halve, "halves", requires_approval=approved)
    with passing(gate):
        await AssistantAgent("ann", Writer(watch), tools=[tool], model_client_stream=True).run(task="go")
    shown.screen.flush()

    assert seen["first"] == [("tool double", "<pre><code>{&quot;a&quot;: </code></pre>")]
    assert seen["failed"] == []
    assert [title for title, _ in seen["written"]] == ["tool halve", "tool halve"]
    assert drafts(view) == []
    shows = "block" if approved else "toolcall"
    assert [item["kind"] for item in view.items if item["kind"] == shows] == [shows, shows]


async def test_nothing_is_missing_between_the_call_that_is_written_and_the_call_that_is_made() -> None:
    shown = Shown()
    view = shown.open("v")
    shown.screen.call_piece("ann", "e1.1.0", "halve", '{"a": 4}')
    request = {"type": "ToolCallRequestEvent", "id": "m", "source": "ann", "content": []}
    for entry in (
        {"type": "result", "effect": "e1", "ok": True, "seconds": 0.1},
        {"type": "message", "turn": 1, "message": request},
    ):
        shown.screen.entry(entry)
        shown.screen.flush()
        assert len(drafts(view)) == 1
    shown.screen.entry({"type": "effect", "effect": "e2", "kind": "tool", "agent": "bob", "request": {"name": "x"}})
    shown.screen.flush()
    assert len(drafts(view)) == 1, "another's"
    before = len(shown.sent)
    shown.screen.entry({"type": "effect", "effect": "e3", "kind": "tool", "agent": "ann", "request": {"name": "halve"}})
    shown.screen.flush()
    assert drafts(view) == [] and len(shown.sent) == before + 1, (
        "one delta takes the draft away and puts the call there"
    )
    assert shown.open("late").shown() == view.shown()


async def test_a_call_with_wrong_arguments_is_never_made_and_its_draft_goes() -> None:
    shown = Shown()
    view = shown.open("v")
    shown.screen.call_piece("ann", "e1.1.0", "halve", '{"a": ')
    done = {"type": "ToolCallExecutionEvent", "id": "m", "source": "ann", "content": []}
    shown.screen.entry({"type": "message", "turn": 1, "message": done})
    shown.screen.flush()
    assert drafts(view) == []


async def test_a_call_in_an_answer_that_failed_is_not_to_come() -> None:
    shown = Shown()
    view = shown.open("v")
    for effect in ("e1", "e11"):
        shown.screen.call_piece("ann", f"{effect}.1.0", "halve", '{"a": ')
    shown.screen.entry({"type": "result", "effect": "e1", "ok": False, "error": "x", "seconds": 0.1})
    shown.screen.flush()
    assert [item["id"] for item in view.items if item["kind"] == "draft"] == ["draft-e11.1.0"]


async def test_nothing_is_being_written_when_the_run_has_ended() -> None:
    shown = Shown()
    view = shown.open("v")
    shown.screen.call_piece("ann", "e1.1.0", "halve", '{"a": ')
    shown.screen.chunk("bob", "m", "I was about to")
    shown.screen.entry({"type": "end", "status": "stopped", "reason": "by you"})
    shown.screen.chunk("bob", "m", " say more")  # it was on its way
    shown.screen.flush()
    assert drafts(view) == []


async def test_hostile_arguments_are_shown_as_text() -> None:
    shown = Shown()
    view = shown.open("v")
    hostile = '{"a": "<img src=x onerror=alert(1)>\u202e\x00\ud800</code></pre><script>x()</script>'
    shown.screen.call_piece("ann", "e1.1.0", "<b>halve\u202e", hostile)
    shown.screen.flush()
    ((title, tail),) = drafts(view)
    assert title == "tool <b>halve⟨U+202E⟩", "which the browser takes for text"
    assert "<img" not in tail and "<script" not in tail and "⟨U+202E⟩" in tail
    assert not wrongs(tail)


async def test_of_a_long_one_the_end_is_shown() -> None:
    shown = Shown()
    view = shown.open("v")
    for number in range(3000):
        shown.screen.call_piece("ann", "e1.1.0", "write", f"{number} ")
    shown.screen.flush()
    ((_, tail),) = drafts(view)
    assert "13,890 characters so far" in tail and "2999 </code>" in tail and len(tail) < 2200


def test_the_view_of_a_run_follows_calls() -> None:
    assert issubclass(RunView, CallListener)
