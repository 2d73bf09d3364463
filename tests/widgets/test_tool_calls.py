"""How the screen tells a tool's call: as one item, also where a person approved it."""

from __future__ import annotations

from nbagents.models import FunctionCall
from nbagents.runtime import Answer, Gate
from nbagents.tools import FunctionTool
from nbagents.widgets.items import Block, Item, ToolCall
from nbagents.widgets.transcript import Transcript
from tests.scripted import ScriptedPerson


def halve(a: int) -> int:
    if a % 2:
        raise ValueError(f"{a} is odd")
    return a // 2


async def shown(*answers: Answer, a: int = 4) -> list[Item]:
    """The items that a call of `halve` leaves on the screen; with answers, each call needs approval."""
    gate, transcript = Gate(asker=ScriptedPerson(answers)), Transcript()
    tool = FunctionTool(halve, "halves", requires_approval=bool(answers))

    await gate.tool("ann", tool, FunctionCall(id="c", name="halve", arguments=f'{{"a": {a}}}'))

    for entry in gate.journal.entries:
        transcript.apply(entry)
    transcript.apply({"type": "end", "status": "done"})
    return transcript.items


def test_the_events_of_a_call_are_not_told_again() -> None:
    transcript = Transcript()
    results = [{"content": "2", "name": "halve", "call_id": "c", "is_error": False}]

    for kind, content in (
        ("ToolCallRequestEvent", [{"id": "c", "name": "halve", "arguments": "{}"}]),
        ("ToolCallExecutionEvent", results),
    ):
        message = {"type": kind, "id": "m", "source": "ann", "content": content}
        transcript.apply({"type": "message", "turn": 1, "message": message})

    assert transcript.items == []


async def test_a_call_shows_its_arguments_and_its_result_as_text() -> None:
    (item,) = await shown()

    assert isinstance(item, ToolCall)
    assert (item.name, item.arguments, item.state, item.result) == ("halve", '{"a": 4}', "done", "2")


async def test_a_call_that_went_wrong_failed() -> None:
    (item,) = await shown(a=3)

    assert isinstance(item, ToolCall) and (item.state, item.result) == ("failed", "3 is odd")


async def test_an_approved_call_goes_on_where_it_was_approved() -> None:
    (item,) = await shown(Answer("run", channel="widget"))

    assert isinstance(item, Block)
    assert (item.state, item.target, item.output, item.approved_by) == ("done", "halve", "2", "widget")


async def test_an_edited_call_says_so_and_fails_where_it_fails() -> None:
    (item,) = await shown(Answer("edit", code='{"a": 3}', channel="widget"))

    assert isinstance(item, Block) and item.proposed_code is not None
    assert (item.state, item.code) == ("failed", '{"a": 3}') and item.output.endswith("3 is odd")


async def test_a_rejected_call_gives_the_reason() -> None:
    (item,) = await shown(Answer("reject", text="too dear"))

    assert isinstance(item, Block) and (item.state, item.reason) == ("rejected", "too dear")
