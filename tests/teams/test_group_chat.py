"""What all teams share: nested teams, events, message types, usage, a runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from nbagents.agents import AssistantAgent, Response, TaskResult
from nbagents.conditions import FunctionalTermination, MaxMessageTermination
from nbagents.errors import RunFailed
from nbagents.messages import BaseChatMessage, SelectSpeakerEvent, StructuredMessage, TextMessage, ThoughtEvent
from nbagents.models import ReplayChatCompletionClient
from nbagents.runtime import Gate, passing
from nbagents.runtime.core import DefaultInterventionHandler, SingleThreadedAgentRuntime
from nbagents.teams import GraphFlow, RoundRobinGroupChat
from nbagents.teams.on_runtime import TurnRequest
from tests.teams.members import Member, sources, texts


class Note(BaseChatMessage):
    """A message class of the user's own."""

    content: str
    type: Literal["Note"] = "Note"

    def to_text(self) -> str:
        return self.content


async def test_a_nested_team_has_what_it_heard_as_its_task_and_all_that_it_says_is_heard() -> None:
    x, y, z = Member("x"), Member("y"), Member("z")
    inner = RoundRobinGroupChat([x, y], name="inner", max_turns=2)
    result = await RoundRobinGroupChat([inner, z], max_turns=3).run(task="go")
    assert texts(result) == ["go", "x1", "y1", "z1", "x2", "y2"]
    assert z.heard == ["go", "x1", "y1"]
    assert x.heard == ["go", "y1", "z1"]


async def test_a_nested_team_that_failed_goes_on_and_nothing_is_lost_or_heard_twice() -> None:
    failures = [ValueError("once")]

    def fails_once(member: Member) -> str:
        if failures:
            raise failures.pop()
        return "y after all"

    x, y, z = Member("x"), Member("y", fails_once), Member("z")
    inner = RoundRobinGroupChat([x, y], name="inner", max_turns=2)
    outer = RoundRobinGroupChat([inner, z], max_turns=2)
    with pytest.raises(RunFailed):
        await outer.run(task="go")
    await outer.run()
    assert x.heard == ["go"] and y.heard == ["go", "x1"]
    assert z.heard == ["go", "x1", "y after all"]


async def test_a_nested_team_hears_a_message_that_is_said_again() -> None:
    task, i = TextMessage(content="go", source="user"), Member("i")
    runtime = SingleThreadedAgentRuntime()
    runtime.start()
    for engine in (None, runtime):
        inner = RoundRobinGroupChat([i], name="inner", max_turns=1)
        team = RoundRobinGroupChat([inner], max_turns=1, runtime=engine)
        for _ in range(2):
            assert sources(await team.run(task=task)) == ["user", "i"]
    assert i.heard == ["go"] * 4
    await runtime.stop_when_idle()


async def test_an_agent_may_have_a_team_of_its_own_discuss_the_same_messages_again() -> None:
    inner = RoundRobinGroupChat([Member("x")], name="inner", max_turns=1)

    class Asking(Member):
        async def on_messages(self, messages: Any, cancellation_token: Any) -> Response:
            said = [texts(await inner.run(task=messages))[-1] for _ in range(2)]
            return Response(chat_message=TextMessage(content=" ".join(said), source=self.name))

    assert texts(await RoundRobinGroupChat([Asking("a")], max_turns=1).run(task="go")) == ["go", "x1 x2"]


async def test_a_nested_run_is_recorded_once() -> None:
    inner = RoundRobinGroupChat([Member("x")], name="inner", max_turns=1)
    with passing(Gate()) as gate:
        await RoundRobinGroupChat([inner], max_turns=1).run(task="go")
    types = [entry["type"] for entry in gate.journal.entries]
    assert types == ["task", "speaker", "speaker", "message"]


async def test_an_error_in_a_nested_team_keeps_its_cause() -> None:
    def fails(member: Member) -> str:
        raise ValueError("it hurts")

    inner = RoundRobinGroupChat([Member("x", fails)], name="inner", max_turns=1)
    with pytest.raises(RunFailed, match="x failed in turn 2: ValueError: it hurts") as caught:
        await RoundRobinGroupChat([inner], max_turns=1).run(task="go")
    assert isinstance(caught.value.__cause__, ValueError)


async def test_usage_is_that_of_this_run_with_nested_ones() -> None:
    def agent(name: str) -> AssistantAgent:
        return AssistantAgent(name, ReplayChatCompletionClient(["one two"] * 4))

    inner = RoundRobinGroupChat([agent("x")], name="inner", max_turns=1)
    team = RoundRobinGroupChat([inner, agent("z")], max_turns=2)
    with passing(Gate()):
        first, second = await team.run(task="go"), await team.run()
    assert (first.usage.calls, second.usage.calls) == (2, 2)
    assert set(first.usage.by_agent) == {"x", "z"}
    assert first.usage.total.completion_tokens == 4


async def test_team_events_say_who_is_chosen() -> None:
    team = RoundRobinGroupChat([Member("a"), Member("b")], max_turns=2, emit_team_events=True)
    result = await team.run(task="go")
    chosen = [message for message in result.messages if isinstance(message, SelectSpeakerEvent)]
    assert [(event.content, event.source) for event in chosen] == [
        (["a"], "RoundRobinGroupChatManager"), (["b"], "RoundRobinGroupChatManager"),
    ]  # fmt: skip
    assert sources(result) == ["user", "RoundRobinGroupChatManager", "a", "RoundRobinGroupChatManager", "b"]


async def test_a_message_class_of_the_users_own_must_be_known() -> None:
    task = Note(content="n", source="user")
    with pytest.raises(ValueError, match=r"Note.* is not registered"):
        await RoundRobinGroupChat([Member("a")], max_turns=1).run(task=task)
    says = Member("a", lambda _: Note(content="said", source="a"))
    with pytest.raises(RunFailed, match=r"Note.* is not registered"):
        await RoundRobinGroupChat([says], max_turns=1).run(task="go")
    team = RoundRobinGroupChat([says], max_turns=1, custom_message_types=[Note])
    assert texts(await team.run(task=task)) == ["n", "said"]
    other = RoundRobinGroupChat([Member("a")], max_turns=1, custom_message_types=[Note])
    await other.load_state(await team.save_state())
    assert other._thread[0] == task


def test_a_message_class_that_is_known_is_no_custom_one() -> None:
    for known in ([Note, Note], [TextMessage]):
        with pytest.raises(ValueError, match="is already registered"):
            RoundRobinGroupChat([Member("a")], custom_message_types=known)


async def test_a_subclass_may_make_known_what_is_said_and_who_takes_part() -> None:
    class Noting(RoundRobinGroupChat):
        def __init__(self, participants: Any) -> None:
            super().__init__(participants, max_turns=1)
            self._message_factory.register(Note)
            self.who = self._participant_names

    team = Noting([Member("a", lambda _: Note(content="said", source="a")), Member("b")])
    assert team.who == ["a", "b"]
    assert texts(await team.run(task="go")) == ["go", "said"]


async def test_a_team_knows_the_structured_messages_of_its_agents() -> None:
    class Number(BaseModel):
        value: int

    writer = AssistantAgent("a", ReplayChatCompletionClient(['{"value": 3}']), output_content_type=Number)
    assert StructuredMessage in writer.produced_message_types  # as AutoGen has it
    b = Member("b")
    inner = RoundRobinGroupChat([writer], name="inner", max_turns=1)
    await RoundRobinGroupChat([inner, b], max_turns=2).run(task="go")
    assert b.heard == ["go", '{"value":3}']


async def test_without_task_messages_the_result_has_only_what_came_of_them() -> None:
    team = RoundRobinGroupChat([Member("a")], max_turns=1)
    items = [item async for item in team.run_stream(task="go", output_task_messages=False)]
    assert [type(item) for item in items[:-1]] == [TextMessage]
    assert sources(items[-1]) == ["a"]


async def test_conditions_see_the_task_before_anybody_speaks() -> None:
    a = Member("a")
    team = RoundRobinGroupChat([a], termination_condition=MaxMessageTermination(1))
    assert sources(await team.run(task="go")) == ["user"]
    assert a.calls == 0


async def test_conditions_are_not_asked_before_anybody_speaks_when_there_is_no_task() -> None:
    asked: list[int] = []

    def look(messages: Sequence[Any]) -> bool:
        asked.append(len(messages))
        return False

    await RoundRobinGroupChat([Member("a")], termination_condition=FunctionalTermination(look), max_turns=1).run()
    assert asked == [1]


async def test_a_condition_that_fails_is_named_and_asked_again_by_the_next_run() -> None:
    seen: list[int] = []

    def look(messages: Sequence[Any]) -> bool:
        seen.append(len(messages))
        return len(seen) > 1 or bool(1 / 0)

    team = RoundRobinGroupChat([Member("a")], termination_condition=FunctionalTermination(look), max_turns=3)
    with pytest.raises(RunFailed, match="the termination condition failed: ZeroDivisionError") as caught:
        await team.run()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    await team.run()
    assert seen == [1, 2]


def test_a_name_that_is_none_is_the_kinds_own() -> None:
    team = RoundRobinGroupChat([Member("a")], name=None, description=None)
    assert (team.name, team.description) == ("RoundRobinGroupChat", "A team of agents.")
    assert GraphFlow.DEFAULT_NAME == "GraphFlow"


async def test_max_turns_also_resets_the_condition() -> None:
    condition = MaxMessageTermination(4)
    team = RoundRobinGroupChat([Member("a")], termination_condition=condition, max_turns=2)
    for _ in range(2):
        assert (await team.run(task="go")).stop_reason == "Maximum number of turns 2 reached."


async def test_an_agent_that_gives_no_answer_fails_its_turn() -> None:
    class Silent(Member):
        async def on_messages_stream(self, messages: Any, cancellation_token: Any) -> Any:
            yield TextMessage(content="on the way", source=self.name)

    with pytest.raises(RunFailed, match="a did not produce a final response"):
        await RoundRobinGroupChat([Silent("a")], max_turns=1).run(task="go")


async def test_an_agent_comes_to_its_end_after_its_answer() -> None:
    class Tidy(Member):
        tidied = 0

        async def on_messages_stream(self, messages: Any, cancellation_token: Any) -> Any:
            yield await self.on_messages(messages, cancellation_token)
            yield ThoughtEvent(content="that was it", source=self.name)
            self.tidied += 1

    a, b = Tidy("a"), Member("b")
    result = await RoundRobinGroupChat([a, b], max_turns=2).run(task="go")
    assert texts(result) == ["go", "a1", "that was it", "b1"]
    assert (a.tidied, b.heard) == (1, ["go", "a1"])


async def test_an_unknown_message_after_the_answer_fails_the_turn_and_is_not_kept() -> None:
    class Slipping(Member):
        async def on_messages_stream(self, messages: Any, cancellation_token: Any) -> Any:
            yield (answer := await self.on_messages(messages, cancellation_token))
            if answer.chat_message.to_text() == "a1":
                yield Note(content="slipped in", source="a")

    team = RoundRobinGroupChat([Slipping("a")], max_turns=1)
    with pytest.raises(RunFailed, match="not registered"):
        await team.run(task="go")
    assert texts(await team.run()) == ["a2"]


async def test_the_last_of_several_answers_counts() -> None:
    class Twice(Member):
        async def on_messages_stream(self, messages: Any, cancellation_token: Any) -> Any:
            for _ in range(2):
                yield await self.on_messages([], cancellation_token)

    b = Member("b")
    assert texts(await RoundRobinGroupChat([Twice("a"), b], max_turns=2).run(task="go")) == ["go", "a1", "a2", "b1"]
    assert b.heard == ["go", "a2"]


async def test_a_subclass_that_makes_the_stream_anew_means_run_too() -> None:
    class Loud(RoundRobinGroupChat):
        async def run_stream(self, **options: Any) -> Any:
            async for item in super().run_stream(**options):
                if isinstance(item, TaskResult):
                    item.stop_reason = f"{item.stop_reason}!"
                yield item

    result = await Loud([Member("a")], max_turns=1).run(task="go", output_task_messages=False)
    assert (texts(result), result.stop_reason) == (["a1"], "Maximum number of turns 1 reached.!")


async def test_a_nested_team_comes_to_its_end_after_its_result() -> None:
    ended: list[str] = []

    class Tidy(RoundRobinGroupChat):
        async def run_stream(self, **options: Any) -> Any:
            async for item in super().run_stream(**options):
                yield item
            ended.append(self.name)

    inner = Tidy([Member("i")], name="inner", max_turns=1)
    assert texts(await RoundRobinGroupChat([inner, Member("b")], max_turns=2).run(task="go")) == ["go", "i1", "b1"]
    assert ended == ["inner"]


async def test_a_stream_made_anew_must_end_with_a_result() -> None:
    class Quiet(RoundRobinGroupChat):
        async def run_stream(self, **options: Any) -> Any:
            async for item in super().run_stream(**options):
                if not isinstance(item, TaskResult):
                    yield item

    with pytest.raises(ValueError, match="RoundRobinGroupChat gave no result"):
        await Quiet([Member("a")], max_turns=1).run(task="go")


async def test_teams_share_a_runtime_and_its_interventions_see_the_turns() -> None:
    seen: list[Any] = []

    class Watch(DefaultInterventionHandler):
        async def on_send(self, message: Any, *, message_context: Any, recipient: Any) -> Any:
            seen.append((type(message), recipient.type.partition("_")[0]))
            return message

    runtime = SingleThreadedAgentRuntime(intervention_handlers=[Watch()])
    runtime.start()
    teams = [RoundRobinGroupChat([Member("a"), Member("b")], max_turns=2, runtime=runtime) for _ in range(2)]
    for team in teams:
        assert texts(await team.run(task="go")) == ["go", "a1", "b1"]
    assert seen == [(TurnRequest, "a"), (TurnRequest, "b")] * 2
    await runtime.stop_when_idle()


async def test_with_a_runtime_errors_keep_their_cause() -> None:
    def fails(member: Member) -> str:
        raise ValueError("it hurts")

    runtime = SingleThreadedAgentRuntime()
    runtime.start()
    with pytest.raises(RunFailed, match="a failed in turn 1: ValueError: it hurts") as caught:
        await RoundRobinGroupChat([Member("a", fails)], max_turns=1, runtime=runtime).run(task="go")
    assert isinstance(caught.value.__cause__, ValueError)
    await runtime.stop_when_idle()


def test_what_is_no_participant_is_refused() -> None:
    with pytest.raises(ValueError, match="At least one participant"):
        RoundRobinGroupChat([])
    with pytest.raises(TypeError, match="has no len"):
        RoundRobinGroupChat(Member(name) for name in "ab")  # type: ignore[arg-type]  # what is refused
