"""`MagenticOneGroupChat`, rule by rule."""

from __future__ import annotations

import json
from typing import Any

import pytest
from PIL import Image as pil

from nbagents.agents import Response
from nbagents.conditions import MaxMessageTermination, TextMentionTermination
from nbagents.errors import RunFailed
from nbagents.image import Image
from nbagents.messages import MultiModalMessage, ThoughtEvent
from nbagents.models import ReplayChatCompletionClient
from nbagents.teams import MagenticOneGroupChat, RoundRobinGroupChat
from tests.teams.members import Member, sources, texts

ME = "MagenticOneOrchestrator"


def ledger(speaker: str = "a", *, done: bool = False, stuck: bool = False, loop: bool = False) -> str:
    answers = {
        "is_request_satisfied": done, "is_in_loop": loop, "is_progress_being_made": not stuck,
        "next_speaker": speaker, "instruction_or_question": f"{speaker}, do it",
    }  # fmt: skip
    return json.dumps({name: {"reason": f"because {name}", "answer": answer} for name, answer in answers.items()})


def team(*answers: str, **options: Any) -> tuple[MagenticOneGroupChat, ReplayChatCompletionClient, list[Member]]:
    client, members = ReplayChatCompletionClient(answers), [Member("a"), Member("b")]
    return MagenticOneGroupChat(members, client, **options), client, members


async def test_it_plans_instructs_and_answers() -> None:
    chat, client, (a, b) = team("facts", "plan", ledger("b"), ledger(done=True), "the answer")
    result = await chat.run(task="go")
    assert sources(result) == ["user", ME, ME, "b", ME]
    assert "facts" in texts(result)[1] and "plan" in texts(result)[1] and "a: a takes part" in texts(result)[1]
    assert texts(result)[2:] == ["b, do it", "b1", "the answer"]
    assert result.stop_reason == "because is_request_satisfied"
    assert b.heard[-1] == "b, do it" and a.heard == []
    assert result.usage.by_agent == {"MagenticOneGroupChat": client.total_usage()}


async def test_a_ledger_that_cannot_be_read_is_asked_again() -> None:
    fenced = f"Here it is:\n```json\n{ledger(done=True)}\n```"
    chat, client, _ = team("facts", "plan", "no json", ledger("zoe"), "{}", fenced, "the answer")
    assert (await chat.run(task="go")).stop_reason == "because is_request_satisfied"
    assert len(client.create_calls) == 7


async def test_after_ten_attempts_the_run_fails() -> None:
    chat, client, _ = team("facts", "plan", *["x"] * 10)
    with pytest.raises(ValueError, match="Failed to parse ledger information after multiple retries") as caught:
        await chat.run(task="go")
    assert isinstance(caught.value, RunFailed)
    assert len(client.create_calls) == 12


async def test_stalling_rewrites_facts_and_plan_and_begins_anew() -> None:
    chat, _, (a, _) = team(
        "facts", "plan", ledger(stuck=True), ledger(loop=True), "facts2", "plan2", ledger(), ledger(done=True), "end",
        max_stalls=2,
    )  # fmt: skip
    result = await chat.run(task="go")
    assert sources(result) == ["user", ME, ME, "a", ME, ME, "a", ME]
    assert "facts2" in texts(result)[4] and "plan2" in texts(result)[4]
    assert a.heard == [texts(result)[4], "a, do it"]  # it was reset
    state = await chat.save_state()
    order = state["agent_states"][ME]
    assert [message["content"] for message in order["message_thread"]] == texts(result)[4:]


async def test_stalls_are_counted_anew_after_a_new_plan() -> None:
    stuck = ledger(stuck=True)
    chat, client, _ = team(
        "facts", "plan", stuck, stuck, "facts2", "plan2", stuck, ledger(done=True), "end", max_stalls=2
    )
    assert sources(await chat.run(task="go")) == ["user", ME, ME, "a", ME, ME, "a", ME]
    assert len(client.create_calls) == 9


async def test_one_participant_goes_on_whomever_the_model_names() -> None:
    client = ReplayChatCompletionClient(["facts", "plan", ledger("nobody"), ledger(done=True), "end"])
    assert sources(await MagenticOneGroupChat([Member("a")], client).run(task="go")) == ["user", ME, ME, "a", ME]


async def test_the_orchestrator_keeps_answers_and_not_what_led_to_them() -> None:
    class Thinks(Member):
        async def on_messages(self, messages: Any, cancellation_token: Any) -> Response:
            answer = await super().on_messages(messages, cancellation_token)
            return Response(chat_message=answer.chat_message, inner_messages=[ThoughtEvent(content="hm", source="a")])

    client = ReplayChatCompletionClient(["facts", "plan", ledger(), ledger(done=True), "end"])
    chat = MagenticOneGroupChat([Thinks("a"), Member("b")], client)
    assert "hm" in texts(await chat.run(task="go"))
    thread = (await chat.save_state())["agent_states"][ME]["message_thread"]
    assert [message["content"] for message in thread][1:] == ["a, do it", "a1", "end"]
    ended = MagenticOneGroupChat(
        [Thinks("a")], ReplayChatCompletionClient(["facts", "plan", ledger()]),
        termination_condition=TextMentionTermination("hm"),
    )  # fmt: skip
    assert (await ended.run(task="go")).stop_reason == "Text 'hm' mentioned"


async def test_a_model_that_sees_nothing_is_told_that_there_is_a_picture() -> None:
    picture = Image(pil.new("RGB", (1, 1)))
    shows = Member("a", lambda _: MultiModalMessage(content=["look", picture], source="a"))
    client = ReplayChatCompletionClient(["facts", "plan", ledger(), ledger(done=True), "end"])
    await MagenticOneGroupChat([shows, Member("b")], client).run(task="go")
    assert client.create_calls[-1]["messages"][2].content == "look\n<image>"


async def test_progress_takes_a_stall_back() -> None:
    answers = [ledger(stuck=True), ledger(), ledger(stuck=True), ledger(done=True)]
    chat, _, _ = team("facts", "plan", *answers, "end", max_stalls=2)
    assert sources(await chat.run(task="go")) == ["user", ME, ME, "a", ME, "a", ME, "a", ME]


async def test_too_many_rounds_end_with_an_answer() -> None:
    chat, _, _ = team("facts", "plan", ledger(), ledger(), "what there is", max_turns=1)
    result = await chat.run(task="go")
    assert (texts(result)[-1], result.stop_reason) == ("what there is", "Max rounds reached.")


async def test_conditions_look_at_replies_only() -> None:
    chat, _, _ = team("facts", "plan", ledger(), ledger(), termination_condition=MaxMessageTermination(2))
    result = await chat.run(task="go")
    assert sources(result) == ["user", ME, ME, "a", ME, "a"]


async def test_task_messages_may_be_left_out() -> None:
    chat, _, _ = team("facts", "plan", ledger(done=True), "end")
    assert sources(await chat.run(task="go", output_task_messages=False)) == [ME, ME]


async def test_the_users_prompt_for_the_answer_may_have_braces() -> None:
    chat, client, _ = team(
        "facts", "plan", ledger(done=True), "ok", final_answer_prompt='JSON {"answer": ...} for {task}'
    )
    await chat.run(task="go")
    assert client.create_calls[-1]["messages"][-1].content == 'JSON {"answer": ...} for go'


async def test_it_needs_a_task() -> None:
    chat, _, _ = team()
    with pytest.raises(ValueError, match="needs a task"):
        await chat.run()


async def test_state_goes_on_in_another_team() -> None:
    first, _, _ = team("facts", "plan", ledger(), termination_condition=MaxMessageTermination(1))
    await first.run(task="go")
    state = json.loads(json.dumps(await first.save_state()))
    order = state["agent_states"][ME]
    assert order["type"] == "MagenticOneOrchestratorState"
    names = ("task", "facts", "plan", "n_rounds", "n_stalls")
    assert [order[name] for name in names] == ["go", "facts", "plan", 1, 0]
    second, client, _ = team(ledger("b"), ledger(done=True), "end")
    await second.load_state(state)
    assert sources(await second.run()) == [ME, "b", ME]
    assert len(client.create_calls) == 3


async def test_a_new_task_is_planned_anew() -> None:
    chat, client, _ = team(*["facts", "plan", ledger(done=True), "end"] * 2)
    await chat.run(task="go")
    await chat.run(task="something else")
    assert "something else" in str(client.create_calls[4]["messages"][0].content)


async def test_rounds_are_counted_anew_for_a_new_task() -> None:
    worked = [ledger(), ledger(), ledger(done=True), "end"]
    chat, _, _ = team(*["facts", "plan", *worked] * 2, max_turns=3)
    for _ in range(2):
        assert (await chat.run(task="go")).stop_reason == "because is_request_satisfied"


async def test_a_model_with_json_is_asked_for_it() -> None:
    info: Any = {"vision": False, "function_calling": False, "json_output": True, "structured_output": False,
                 "family": "unknown"}  # fmt: skip
    client = ReplayChatCompletionClient(["facts", "plan", ledger(done=True), "end"], model_info=info)
    await MagenticOneGroupChat([Member("a")], client).run(task="go")
    assert [call.get("json_output") for call in client.create_calls] == [None, None, True, None]


def test_teams_cannot_take_part() -> None:
    with pytest.raises(TypeError, match="must be a ChatAgent"):
        MagenticOneGroupChat([RoundRobinGroupChat([Member("a")])], ReplayChatCompletionClient([]))  # type: ignore[list-item]  # what is refused
