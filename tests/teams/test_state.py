"""A team's state: AutoGen's shape, saved at any time, restored exactly."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from nbagents.agents import AssistantAgent
from nbagents.conditions import MaxMessageTermination, TerminationCondition, TextMentionTermination
from nbagents.messages import ThoughtEvent
from nbagents.models import ReplayChatCompletionClient
from nbagents.teams import DiGraphBuilder, GraphFlow, RoundRobinGroupChat
from tests.teams.members import Member, sources, texts

THOUGHT = ThoughtEvent(content="hm", source="b").dump()


def pair(**options: Any) -> tuple[RoundRobinGroupChat, Member, Member]:
    a, b = Member("a"), Member("b")
    return RoundRobinGroupChat([a, b], **options), a, b


async def through_json(team: Any) -> Any:
    return json.loads(json.dumps(await team.save_state()))


async def test_the_shape_is_autogens() -> None:
    team, _, _ = pair(max_turns=3)
    await team.run(task="go")
    state = await through_json(team)
    assert (state["type"], state["version"]) == ("TeamState", "1.0.0")
    assert list(state["agent_states"]) == ["a", "b", "RoundRobinGroupChatManager"]
    b = state["agent_states"]["b"]
    assert (b["type"], b["version"]) == ("ChatAgentContainerState", "1.0.0")
    assert [message["content"] for message in b["message_buffer"]] == ["a2"]
    assert set(b["message_buffer"][0]) == {"id", "source", "models_usage", "metadata", "created_at", "content", "type"}
    order = state["agent_states"]["RoundRobinGroupChatManager"]
    assert [message["content"] for message in order.pop("message_thread")] == ["go", "a1", "b1", "a2"]
    assert order == {
        "type": "RoundRobinManagerState", "version": "1.0.0", "current_turn": 0, "next_speaker_index": 1,
    }  # fmt: skip


async def test_it_goes_over_to_another_team_exactly() -> None:
    team, _, _ = pair(max_turns=3)
    await team.run(task="go")
    state = await through_json(team)
    other, a, b = pair(max_turns=2)
    await other.load_state(state)
    assert await through_json(other) == state
    assert texts(await other.run()) == ["b2", "a3"]
    assert (b.heard, a.heard) == (["a2"], ["b2"])


async def test_the_agents_contexts_go_over() -> None:
    def team(*answers: str) -> RoundRobinGroupChat:
        agent = AssistantAgent("a", ReplayChatCompletionClient(answers), system_message=None)
        return RoundRobinGroupChat([agent], max_turns=1)

    first, second = team("one"), team("two")
    await first.run(task="go")
    await second.load_state(await through_json(first))
    await second.run(task="again")
    state = (await through_json(second))["agent_states"]["a"]["agent_state"]
    assert [message["content"] for message in state["llm_context"]["messages"]] == ["go", "one", "again", "two"]


async def test_a_condition_is_part_of_it() -> None:
    team, _, b = pair(termination_condition=MaxMessageTermination(5))
    b.wait = asyncio.Event()
    running = asyncio.create_task(team.run(task="go"))
    await b.began.wait()
    state = await through_json(team)
    running.cancel()
    await asyncio.wait([running])
    other, _, _ = pair(termination_condition=MaxMessageTermination(5))
    await other.load_state(state)
    result = await other.run()
    assert result.stop_reason == "Maximum number of messages 5 reached, current message count: 5"
    assert sources(result) == ["b", "a", "b"]


@pytest.mark.parametrize(
    "other",
    [
        MaxMessageTermination(4),
        TextMentionTermination("z") | MaxMessageTermination(4),
        MaxMessageTermination(4) | MaxMessageTermination(4) | MaxMessageTermination(4),
    ],
)
async def test_a_team_with_another_condition_begins_to_count_anew(other: TerminationCondition) -> None:
    team, _, _ = pair(termination_condition=TextMentionTermination("z") & TextMentionTermination("go"), max_turns=1)
    await team.run(task="go")
    second, _, _ = pair(termination_condition=other)
    await second.load_state(await through_json(team))
    result = await second.run()
    assert result.stop_reason and "current message count: 4" in result.stop_reason and len(result.messages) == 4


async def test_it_may_be_saved_during_a_run_and_the_unfinished_turn_is_taken_again() -> None:
    team, _, b = pair(max_turns=4)
    b.wait = asyncio.Event()
    running = asyncio.create_task(team.run(task="go"))
    await b.began.wait()
    state = await through_json(team)
    b.wait.set()
    assert sources(await running) == ["user", "a", "b", "a", "b"]
    other, _, heard_by = pair(max_turns=4)
    await other.load_state(state)
    assert sources(await other.run()) == ["b", "a", "b"]  # the rest of the four turns
    assert heard_by.heard == ["go", "a1", "a2"]


async def test_an_assistant_saved_in_its_turn_does_not_hear_twice() -> None:
    reached, free = asyncio.Event(), asyncio.Event()

    class Slow(ReplayChatCompletionClient):
        async def create(self, *arguments: Any, **options: Any) -> Any:
            reached.set()
            await free.wait()
            return await super().create(*arguments, **options)

    team = RoundRobinGroupChat([AssistantAgent("a", Slow(["one"]), system_message=None)], max_turns=1)
    running = asyncio.create_task(team.run(task="go"))
    await reached.wait()
    state = await through_json(team)
    free.set()
    await running
    client = ReplayChatCompletionClient(["two"])
    other = RoundRobinGroupChat([AssistantAgent("a", client, system_message=None)], max_turns=1)
    await other.load_state(state)
    assert texts(await other.run()) == ["two"]
    assert [message.content for message in client.create_calls[0]["messages"]] == ["go"]


async def test_parallel_branches_saved_in_their_turn_are_asked_again() -> None:
    def flow() -> tuple[GraphFlow, Member, Member]:
        a, b = Member("a"), Member("b")
        return GraphFlow([a, b], DiGraphBuilder().add_node(a).add_node(b).build()), a, b

    first, a, b = flow()
    b.wait = asyncio.Event()
    running = asyncio.create_task(first.run(task="go"))
    await b.began.wait()
    for _ in range(20):  # a has answered by then
        await asyncio.sleep(0)
    assert a.calls == 1
    state = await through_json(first)
    assert state["agent_states"]["GraphManager"]["speaking"] == ["b"]
    running.cancel()
    await asyncio.wait([running])
    second, _, _ = flow()
    await second.load_state(state)
    result = await second.run()
    assert (sources(result), result.stop_reason) == (["b"], "Digraph execution is complete")


async def test_saving_leaves_a_run_as_it_is() -> None:
    team, _, _ = pair(max_turns=50)

    async def save_often() -> None:
        for _ in range(20):
            await team.save_state()
            await asyncio.sleep(0)

    result, _ = await asyncio.gather(team.run(task="go"), save_often())
    assert len(result.messages) == 51


async def test_a_state_of_autogen_is_read() -> None:
    said = {"source": "user", "models_usage": None, "metadata": {}, "content": "go", "type": "TextMessage", "id": "1"}
    empty = {"type": "ChatAgentContainerState", "version": "1.0.0"}
    agent = {"type": "MemberState", "version": "1.0.0", "calls": 4}
    order = {"type": "RoundRobinManagerState", "version": "1.0.0", "message_thread": [said], "current_turn": 0}
    state = {"type": "TeamState", "version": "1.0.0", "agent_states": {
        "a": {**empty, "agent_state": agent, "message_buffer": []},
        "b": {**empty, "agent_state": agent, "message_buffer": [said]},
        "RoundRobinGroupChatManager": {**order, "next_speaker_index": 1},
    }}  # fmt: skip
    team, _, b = pair(max_turns=1)
    await team.load_state(state)
    assert texts(await team.run()) == ["b5"]
    assert b.heard == ["go"]


async def test_what_a_state_leaves_out_is_empty() -> None:
    team, _, b = pair(max_turns=1)
    calls = {"agent_state": {"calls": 4}}
    order = {"next_speaker_index": 1}
    await team.load_state({"agent_states": {"a": calls, "b": calls, "RoundRobinGroupChatManager": order}})
    assert texts(await team.run(task="go")) == ["go", "b5"]
    assert b.heard == ["go"]


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ({"x": 1}, "Agent state for a not found in the saved state"),
        ({"agent_states": {}}, "Agent state for a not found in the saved state"),
        ({"agent_states": 3}, "Invalid state format"),
        (
            {"agent_states": {"a": 1, "b": 1, "RoundRobinGroupChatManager": {"message_thread": []}}},
            "Invalid state format. Expected a field 'message_buffer'",
        ),
        ({"agent_states": {"a": 1, "b": 1, "RoundRobinGroupChatManager": 3}}, "Invalid state format"),
        (
            {"agent_states": {"a": {"message_buffer": [THOUGHT]}, "b": {}, "RoundRobinGroupChatManager": {}}},
            "Invalid message type in message buffer",
        ),
        (None, "Invalid state format"),
    ],
)
async def test_another_shape_is_refused(state: Any, text: str) -> None:
    team, _, _ = pair()
    with pytest.raises(ValueError, match=text):
        await team.load_state(state)


async def test_loading_and_resetting_need_a_team_that_does_not_run() -> None:
    team, a, _ = pair(max_turns=1)
    a.wait = asyncio.Event()
    running = asyncio.create_task(team.run(task="go"))
    await a.began.wait()
    with pytest.raises(RuntimeError, match="cannot be loaded while it is running"):
        await team.load_state({})
    with pytest.raises(RuntimeError, match="must be stopped before it can be reset"):
        await team.reset()
    a.wait.set()
    await running


async def test_a_nested_team_is_part_of_it() -> None:
    def teams() -> RoundRobinGroupChat:
        inner = RoundRobinGroupChat([Member("x"), Member("y")], name="inner", max_turns=1)
        return RoundRobinGroupChat([inner, Member("z")], max_turns=1)

    first, second = teams(), teams()
    await first.run(task="go")
    state = await through_json(first)
    assert state["agent_states"]["inner"]["agent_state"]["type"] == "TeamState"
    await second.load_state(state)
    assert texts(await second.run()) == ["z1"]
    assert texts(await second.run()) == ["y1"]


async def test_a_nested_team_saved_in_its_turn_goes_on_and_hears_its_task_once() -> None:
    def teams() -> tuple[RoundRobinGroupChat, list[Member]]:
        members = [Member("x"), Member("y"), Member("z")]
        inner = RoundRobinGroupChat(members[:2], name="inner", max_turns=2)
        return RoundRobinGroupChat([inner, members[2]], max_turns=2), members

    first, (_, y, _) = teams()
    y.wait = asyncio.Event()
    running = asyncio.create_task(first.run(task="go"))
    await y.began.wait()
    state = await through_json(first)
    running.cancel()
    await asyncio.wait([running])
    second, (x, y, z) = teams()
    await second.load_state(state)
    assert texts(await second.run()) == ["y1", "z1"]
    assert y.heard == ["go", "x1"] and z.heard == ["go", "x1", "y1"] and x.heard == []


async def test_an_answer_that_waits_for_a_pause_to_end_is_part_of_it() -> None:
    asked, free = asyncio.Event(), asyncio.Event()

    class Waiting(ReplayChatCompletionClient):
        async def create(self, *args: Any, **options: Any) -> Any:
            asked.set()
            await free.wait()
            return await super().create(*args, **options)

    def teams() -> tuple[RoundRobinGroupChat, Member]:
        b = Member("b")
        return RoundRobinGroupChat([AssistantAgent("a", Waiting(["one", "two"])), b], max_turns=2), b

    first, _ = teams()
    running = asyncio.create_task(first.run(task="go"))
    await asked.wait()
    await first.pause()
    free.set()
    for _ in range(50):
        await asyncio.sleep(0)
    assert await answers_of(first) == ["one"]
    state = await through_json(first)
    running.cancel()
    await asyncio.wait([running])
    second, b = teams()
    await second.load_state(state)
    assert texts(await second.run()) == ["one", "b1"] and b.heard == ["go", "one"]
    assert await answers_of(second) == ["one"]
    assert texts(await first.run(task="and")) == ["and", "one", "b1", "two"]


async def answers_of(team: RoundRobinGroupChat) -> list[str]:
    """What the assistant `a` knows that it said; nothing may stand in its context twice."""
    context = (await through_json(team))["agent_states"]["a"]["agent_state"]["llm_context"]["messages"]
    assert len({message["content"] for message in context}) == len(context)
    return [message["content"] for message in context if message["type"] == "AssistantMessage"]


async def test_a_condition_that_has_terminated_ends_the_run_at_once() -> None:
    condition = TextMentionTermination("go")
    await condition([(await Member("a").run(task="go")).messages[0]])
    team, a, _ = pair(termination_condition=condition)
    result = await team.run(task="x")
    assert (list(result.messages), result.stop_reason) == ([], "The group chat has already terminated.")
    await team.reset()
    assert (await team.run(task="go")).stop_reason == "Text 'go' mentioned"
    assert a.calls == 0
