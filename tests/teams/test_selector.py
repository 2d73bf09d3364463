"""`SelectorGroupChat`, rule by rule."""

from __future__ import annotations

from typing import Any

import pytest

from nbagents.errors import RunFailed
from nbagents.memory import BufferedChatCompletionContext
from nbagents.messages import ModelClientStreamingChunkEvent, SelectorEvent, SelectSpeakerEvent
from nbagents.models import ReplayChatCompletionClient
from nbagents.models.messages import UserMessage
from nbagents.teams import SelectorGroupChat
from tests.teams.members import Member, sources


def team(*answers: str, **options: Any) -> tuple[SelectorGroupChat, ReplayChatCompletionClient]:
    client = ReplayChatCompletionClient(answers)
    members = [Member("ann"), Member("bob_b"), Member("cid")]
    return SelectorGroupChat(members, client, **{"max_turns": 2, **options}), client


def asked(client: ReplayChatCompletionClient, call: int) -> list[str]:
    return [str(message.content) for message in client.create_calls[call]["messages"]]


async def test_the_model_names_who_speaks_next() -> None:
    chat, client = team("cid", "Next is **bob b**.", selector_prompt="{roles}|{participants}|{history}")
    assert sources(await chat.run(task="go")) == ["user", "cid", "bob_b"]
    roles = "ann: ann takes part\nbob_b: bob_b takes part\ncid: cid takes part"
    assert asked(client, 0)[0] == f"{roles}|['ann', 'bob_b', 'cid']|user: go\n\n"
    assert asked(client, 1)[0].split("|")[1:] == ["['ann', 'bob_b']", "user: go\n\n\ncid: cid1\n\n"]


async def test_an_answer_that_names_not_exactly_one_candidate_is_asked_again() -> None:
    chat, client = team("ann", "nobody", "bob_b or cid", "ann", max_selector_attempts=3)
    result = await chat.run(task="go")
    assert sources(result) == ["user", "ann", "ann"]  # after the attempts: the previous speaker
    feedback = asked(client, 3)[2::2]
    assert feedback[0].startswith("No valid name was mentioned")
    assert feedback[1].startswith("Expected exactly one name")


async def test_the_previous_speaker_is_refused_unless_allowed() -> None:
    chat, client = team("ann", "ann", "cid")
    assert sources(await chat.run(task="go")) == ["user", "ann", "cid"]
    assert asked(client, 2)[-1].startswith("Repeated speaker is not allowed")
    chat, _ = team("ann", "ann", allow_repeated_speaker=True)
    assert sources(await chat.run(task="go")) == ["user", "ann", "ann"]


async def test_without_a_previous_speaker_the_first_candidate_goes_on() -> None:
    chat, _ = team(*["x"] * 3, max_turns=1)
    assert sources(await chat.run(task="go")) == ["user", "ann"]


async def test_a_selector_function_is_final_and_none_asks_the_model() -> None:
    names = iter(["cid", None])
    chat, client = team("bob_b", selector_func=lambda thread: next(names))
    assert sources(await chat.run(task="go")) == ["user", "cid", "bob_b"]
    assert len(client.create_calls) == 1


async def test_a_selector_function_counts_as_the_previous_speaker() -> None:
    names = iter(["cid", None])
    chat, client = team("cid", "ann", selector_func=lambda thread: next(names))
    assert sources(await chat.run(task="go")) == ["user", "cid", "ann"]
    assert asked(client, 1)[-1].startswith("Repeated speaker")


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ({"selector_func": lambda thread: "zoe"}, "invalid speaker name: zoe"),
        ({"candidate_func": lambda thread: []}, "must return a non-empty list"),
        ({"candidate_func": lambda thread: ["zoe"]}, r"invalid participant names: \['zoe'\]"),
    ],
)
async def test_a_function_that_names_nobody_fails_the_run(option: dict[str, Any], text: str) -> None:
    chat, _ = team(**option)
    with pytest.raises(ValueError, match=text) as caught:
        await chat.run(task="go")
    assert isinstance(caught.value, RunFailed)
    assert isinstance(caught.value.__cause__, ValueError)


async def test_only_a_candidate_is_accepted() -> None:
    async def candidates(thread: Any) -> list[str]:
        return ["ann", "bob_b"]

    chat, client = team("cid", "bob_b", candidate_func=candidates, max_turns=1)
    assert sources(await chat.run(task="go")) == ["user", "bob_b"]
    assert asked(client, 1)[-1].startswith("No valid name was mentioned")


async def test_one_candidate_needs_no_model() -> None:
    chat, client = team(candidate_func=lambda thread: ["bob_b"])
    assert sources(await chat.run(task="go")) == ["user", "bob_b", "bob_b"]
    assert client.create_calls == []


async def test_the_selectors_calls_are_counted_under_the_teams_name() -> None:
    chat, client = team("ann", "bob_b", name="choosers")
    usage = (await chat.run(task="go")).usage
    assert usage.calls == 2
    assert usage.by_agent["choosers"] == client.total_usage()


async def test_the_choice_can_be_watched() -> None:
    chat, _ = team("ann", max_turns=1, emit_team_events=True, model_client_streaming=True)
    items = [item async for item in chat.run_stream(task="go")]
    kinds = [type(item) for item in items[1:5]]
    assert kinds[:3] == [ModelClientStreamingChunkEvent, SelectorEvent, SelectSpeakerEvent]


async def test_a_failed_turn_is_tried_again_and_a_new_task_chooses_anew() -> None:
    def fails(member: Member) -> str:
        if member.calls == 1:
            raise ValueError("it hurts")
        return "better"

    client = ReplayChatCompletionClient(["ann", "bob_b"])
    chat = SelectorGroupChat([Member("ann", fails), Member("bob_b")], client, max_turns=1)
    with pytest.raises(RunFailed, match="ann failed in turn 1: ValueError: it hurts"):
        await chat.run(task="go")
    assert sources(await chat.run()) == ["ann"]


async def test_state_goes_over_to_another_team() -> None:
    first, _ = team("ann", "cid")
    await first.run(task="go")
    state = await first.save_state()
    assert state["agent_states"]["SelectorGroupChatManager"]["previous_speaker"] == "cid"
    second, client = team("bob_b", max_turns=1, selector_prompt="{participants} {history}")
    await second.load_state(state)
    assert sources(await second.run()) == ["bob_b"]
    assert asked(client, 0)[0] == "['ann', 'bob_b'] user: go\n\n\nann: ann1\n\n\ncid: cid1\n\n"


async def test_what_the_model_reads_is_whole_after_a_run_and_begins_as_it_was_made() -> None:
    def context() -> BufferedChatCompletionContext:
        return BufferedChatCompletionContext(9, initial_messages=[UserMessage(content="before", source="z")])

    read = context()
    first, _ = team("cid", "ann", model_context=read)
    state = await first.run(task="go") and await first.save_state()
    expected = ["before", "go", "cid1", "ann1"]
    assert [message.content for message in await read.get_messages()] == expected
    read = context()
    second, client = team("bob_b", max_turns=1, selector_prompt="{history}", model_context=read)
    await second.load_state(state)
    assert [message.content for message in await read.get_messages()] == expected
    await second.run()
    assert asked(client, 0)[0].startswith("z: before\n\n\nuser: go\n\n")
    await second.load_state(state)  # what was said after it is forgotten
    assert [message.content for message in await read.get_messages()] == expected[1:]


def test_two_participants_are_needed() -> None:
    with pytest.raises(ValueError, match="At least two participants are required for SelectorGroupChat"):
        SelectorGroupChat([Member("ann")], ReplayChatCompletionClient([]))
