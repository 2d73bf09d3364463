"""The journal's entries become what a reader sees: each thing once, with what became of it."""

from __future__ import annotations

from typing import Any

import pytest

from nbagents.widgets import wording
from nbagents.widgets.items import Asked, Block, Item, Said, Task, ToolCall
from nbagents.widgets.transcript import Transcript
from tests.widgets import runs
from tests.widgets.runs import RUNS


def shape(transcript: Transcript) -> list[str]:
    """Each item in a word or two."""
    return [told(item) for item in transcript.items]


def told(item: Item) -> str:
    if isinstance(item, Block):
        return f"{item.agent}: block {item.number} {wording.state(item)}"
    text = {Said: "markdown", Task: "text", Asked: "reply"}.get(type(item), "id")
    return f"{item.agent}: {getattr(item, text)}"


async def test_one_by_one_is_the_same_as_all_at_once() -> None:
    for make in RUNS.values():
        entries = await make()
        one_by_one = Transcript()
        for entry in entries:
            one_by_one.apply(entry)
            one_by_one.take_changed()
        at_once = Transcript.of(entries)
        assert one_by_one.items == at_once.items
        assert (one_by_one.status, one_by_one.answer) == (at_once.status, at_once.answer)


async def test_what_changed_is_all_that_changed() -> None:
    for make in RUNS.values():
        transcript = Transcript()
        before: dict[str, str] = {}
        for entry in await make():
            transcript.apply(entry)
            now = {item.id: repr(item) for item in transcript.items}
            changed = {id for id in now.keys() | before.keys() if now.get(id) != before.get(id)}
            assert changed <= transcript.take_changed()
            before = now


async def test_code_stands_once_between_its_prose_and_says_what_became_of_it() -> None:
    transcript = Transcript.of(await runs.approved())
    assert shape(transcript) == [
        "you: How many?",
        "analyst: I will count.",
        "analyst: block 1 ran · approved by you",
        "analyst: Then I will know.",
        "analyst: It is **42**.",
        "critic: Well done. APPROVED",
    ]
    (block,) = transcript.blocks
    assert (block.code, block.language, block.target, block.turn) == ("n = 6 * 7\nn", "python", "live", 1)
    assert [output["output_type"] for output in block.outputs] == ["stream", "display_data"]
    assert transcript.items[0] == Task("task-1", 0, "you", "How many?", ["df: DataFrame with 3 rows and 2 columns"])
    assert (transcript.status, transcript.answer) == ("done", "Well done. APPROVED")
    assert transcript.spent.calls == 3
    assert transcript.spent.tokens > 0


async def test_every_moment_of_a_block() -> None:
    transcript, seen = Transcript(), []
    for entry in await runs.approved():
        transcript.apply(entry)
        seen += [(block.state, transcript.activity()) for block in transcript.blocks]
    assert list(dict.fromkeys(seen))[:5] == [
        ("proposed", "analyst…"),
        ("waiting", "waiting for you: block 1"),
        ("approved", "analyst…"),
        ("running", "running block 1 of analyst…"),
        ("done", "analyst…"),
    ]


async def test_an_edited_block_shows_what_ran_and_what_was_proposed() -> None:
    (block,) = Transcript.of(await runs.edited()).blocks
    assert (block.code, block.proposed_code) == ("n = 43", "n = 6 * 7\nn")
    assert wording.state(block) == "ran · edited and approved by you"


async def test_a_rejected_block_keeps_its_reason() -> None:
    (block,) = Transcript.of(await runs.rejected()).blocks
    assert wording.state(block) == "rejected · by you"
    assert wording.reason(block) == "Reason: use the data"


async def test_blocks_behind_one_that_failed_are_not_run() -> None:
    transcript = Transcript.of(await runs.first_of_two_fails())
    assert [wording.state(block) for block in transcript.blocks] == [
        "failed · approved by you",
        "not run",
        "ran · approved by you, with all from analyst",
        "ran · unasked",
    ]
    assert [block.code for block in transcript.blocks] == ["a = 1", "b = 2"] * 2
    assert transcript.waiting is None


async def test_code_that_runs_unasked_in_the_live_kernel_is_told() -> None:
    transcript = Transcript.of(await runs.unasked())
    assert transcript.runs_unasked
    assert [wording.state(block) for block in transcript.blocks] == ["ran · unasked"]


async def test_code_that_another_agent_wrote_moves_into_its_block() -> None:
    transcript = Transcript.of(await runs.executor_without_model())
    assert shape(transcript) == [
        "you: How many?",
        "writer: I will count.",
        "runner: block 1 ran · approved by you",
        "writer: Then I will know.",
        "writer: It is 42. APPROVED",
    ]


async def test_a_persons_reply_stands_once() -> None:
    transcript = Transcript.of(await runs.person())
    assert shape(transcript) == ["you: How many?", "a: Shall I?", "you: Go on, please.", "a: Done. APPROVED"]


async def test_while_a_person_is_asked_the_run_waits() -> None:
    entries = await runs.person()
    asked = next(index for index, entry in enumerate(entries) if entry["type"] == "question")
    transcript = Transcript.of(entries[: asked + 1])
    assert isinstance(transcript.waiting, Asked)
    assert transcript.activity() == "waiting for you"
    assert transcript.answer == ""


async def test_ending_the_conversation_is_told() -> None:
    transcript = Transcript.of(await runs.person_ends())
    (asked,) = (item for item in transcript.items if isinstance(item, Asked))
    assert asked.decision == "end"
    assert wording.reply(asked) == "The person ended the conversation."


async def test_a_stopped_run_leaves_nothing_open() -> None:
    transcript = Transcript.of(await runs.stopped_in_code())
    assert [(block.state, block.reason) for block in transcript.blocks] == [
        ("failed", "stopped"),
        ("skipped", "the run ended"),
    ]
    assert wording.ending(transcript) == "stopped: run 'churn' was stopped by you in turn 1"
    assert transcript.activity() == "stopped"


async def test_a_failed_run_says_why() -> None:
    transcript = Transcript.of(await runs.failed())
    assert transcript.status == "failed"
    assert "No more mock responses available" in wording.ending(transcript)


async def test_a_run_whose_kernel_died_is_running_as_far_as_one_knows() -> None:
    transcript = Transcript.of(await runs.cut_off())
    assert (transcript.status, transcript.blocks[0].state) == ("running", "running")


async def test_what_a_later_version_writes_is_passed_over() -> None:
    entries = await runs.approved()
    strange = [{"seq": 99, "type": "weather", "is": "fine"}]
    assert Transcript.of([*entries[:3], *strange, *entries[3:]]).items == Transcript.of(entries).items


def test_a_tool_call_is_shown_with_its_result() -> None:
    transcript = Transcript()
    request = {"name": "segment_of", "arguments": {"customer_id": "7"}}
    transcript.apply({"type": "effect", "effect": "e1", "kind": "tool", "agent": "a", "key": "", "request": request})
    assert transcript.activity() == "a calls segment_of…"
    transcript.apply({"type": "result", "effect": "e1", "ok": True, "value": "student", "seconds": 0.1})
    (call,) = transcript.items
    assert isinstance(call, ToolCall)
    assert (call.arguments, call.result, call.state) == ('{"customer_id": "7"}', "student", "done")


def test_counts_read_well() -> None:
    assert [wording.thousands(number) for number in (980, 8_120, 999_950)] == ["980", "8.1k", "1.0M"]
    assert [wording.duration(seconds) for seconds in (0.4, 74, 3723)] == ["0:00", "1:14", "1:02:03"]


def paid_for(cost: float | None, model: str = "openai/m") -> list[dict[str, Any]]:
    """A run with one call of a model."""
    usage = {"prompt_tokens": 8000, "completion_tokens": 100}
    result = {"type": "result", "effect": "e1", "ok": True, "value": {"content": "x"}, "usage": usage, "cost": cost}
    if cost is None:
        del result["cost"]
    return [
        {"type": "run", "name": "r"},
        {"type": "effect", "effect": "e1", "kind": "model", "agent": "a", "request": {"model": model}},
        result,
        {"type": "end", "status": "done"},
    ]


@pytest.mark.parametrize(
    ("cost", "short", "whole"),
    [
        (0.0312, "$0.03", "8,100 tokens in 1 model call · $0.03"),
        (None, "", "8,100 tokens in 1 model call · price of openai/m unknown"),
    ],
)
def test_what_it_cost_is_told_where_it_says_something(cost: float | None, short: str, whole: str) -> None:
    transcript = Transcript.of(paid_for(cost))
    assert (wording.money(transcript), wording.cost(transcript)) == (short, whole)
    assert (f"8.1k tokens · {short}" if short else "8.1k tokens · 0:00") in " · ".join(wording.counts(transcript))


def test_what_is_free_says_nothing() -> None:
    free = Transcript.of(paid_for(None, "local/qwen"))
    cached = Transcript.of([{**entry, "value": {"content": "x", "cached": True}} for entry in paid_for(None)])
    for transcript in (free, cached):
        assert (wording.money(transcript), wording.cost(transcript)) == ("", "8,100 tokens in 1 model call")


def test_a_total_with_an_unknown_part_is_at_least_so_much() -> None:
    entries = paid_for(0.03)[:-1] + paid_for(None, "vllm/q")[1:]
    transcript = Transcript.of(entries)
    assert wording.money(transcript) == "$0.03+"
    assert wording.cost(transcript).endswith("at least $0.03 (price of vllm/q unknown)")


def test_a_model_that_is_asked_again_is_told_while_it_lasts() -> None:
    entries = paid_for(0.03)
    retry = {"type": "retry", "effect": "e1", "provider": "openai", "model": "m", "attempt": 1, "attempts": 3}
    transcript = Transcript.of([*entries[:2], {**retry, "wait": 2.4}])
    assert transcript.activity() == "openai/m did not answer, asking again in 2 s (attempt 2 of 3)…"
    transcript.apply({**retry, "wait": 0.1})
    assert transcript.activity() == "openai/m did not answer, attempt 2 of 3…"
    transcript.apply({**retry, "wait": 0.0, "fallback": "local/q"})
    assert transcript.activity() == "openai/m did not answer, asking local/q…"
    transcript.apply(entries[2])
    assert transcript.activity() == "starting…"


def test_while_it_runs_the_budget_stands_beside_what_is_spent() -> None:
    run, *rest = paid_for(0.03)
    transcript = Transcript.of([{**run, "settings": {"budget": {"usd": 0.5}}}, *rest[:-1]])
    assert wording.spending(transcript) == "$0.03 of $0.50"
    transcript.apply({"type": "end", "status": "paused", "error": "budget $0.50 reached after turn 9 (nothing lost)"})
    assert wording.spending(transcript) == "$0.03"
    assert wording.ending(transcript) == "paused: budget $0.50 reached after turn 9 (nothing lost)"


def test_a_budget_that_cannot_hold_a_model_back_says_so() -> None:
    entries = paid_for(None)
    unpriced = {"type": "unpriced", "model": "openai/m", "limit": "$0.50"}
    assert wording.cost(Transcript.of([entries[0], unpriced, *entries[1:]])).endswith(
        "price of openai/m unknown, not counted in the budget of $0.50"
    )


def test_a_budget_of_turns_is_the_number_of_turns_when_it_is_the_smaller() -> None:
    run = {"type": "run", "name": "r", "team": {"max_turns": 20}}
    assert Transcript.of([run]).turns == 20
    assert Transcript.of([{**run, "settings": {"budget": {"turns": 12}}}]).turns == 12
    assert Transcript.of([{**run, "settings": {"budget": {"turns": 30}}}]).turns == 20
    assert Transcript.of([{"type": "run", "name": "r"}]).turns is None


def test_a_budget_is_not_spoken_of_where_nothing_had_a_price() -> None:
    unpriced = {"type": "unpriced", "model": "openai/m", "limit": "$0.50"}
    effect = {"type": "effect", "effect": "e1", "kind": "model", "request": {"model": "openai/m"}}
    refused = {"type": "result", "effect": "e1", "ok": False, "error": "refused"}
    assert wording.cost(Transcript.of([unpriced, effect, refused])) == "0 tokens in 1 model call"


def test_what_a_failed_attempt_cost_is_added_and_said_to_be_an_estimate() -> None:
    transcript, usage = Transcript(), {"prompt_tokens": 100, "completion_tokens": 20}
    for entry in (
        {"type": "effect", "effect": "e1", "kind": "model", "agent": "a", "request": {"model": "openai/m"}},
        {"type": "retry", "effect": "e1", "provider": "openai", "model": "m", "error": "x", "attempt": 1, "attempts": 3,
         "wait": 0.5, "usage": usage, "cost": 0.25, "estimated": True},
        {"type": "result", "effect": "e1", "ok": True, "seconds": 1.0, "usage": usage, "cost": 0.5, "value": {}},
    ):  # fmt: skip
        transcript.apply(entry)

    assert wording.cost(transcript) == "about 240 tokens in 1 model call · $0.75"
