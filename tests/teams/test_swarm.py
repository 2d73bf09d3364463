"""`Swarm`, rule by rule."""

from __future__ import annotations

import pytest

from nbagents.conditions import HandoffTermination
from nbagents.errors import RunFailed
from nbagents.messages import HandoffMessage, TextMessage
from nbagents.teams import RoundRobinGroupChat, Swarm
from tests.teams.members import Member, hands_to, sources


async def test_the_first_speaks_first_and_goes_on_until_it_hands_off() -> None:
    ann = Member("ann", lambda me: "wait" if me.calls == 1 else hands_to("bob", "ann")(me))
    result = await Swarm([ann, Member("bob")], max_turns=4).run(task="go")
    assert sources(result) == ["user", "ann", "ann", "bob", "bob"]


async def test_a_handoff_to_a_person_stops_and_a_handoff_as_task_goes_on() -> None:
    swarm = Swarm([Member("ann", hands_to("user", "ann")), Member("bob", hands_to("user", "bob"))],
                  termination_condition=HandoffTermination("user"))  # fmt: skip
    assert (await swarm.run(task="go")).stop_reason == "Handoff to user from ann detected."
    with pytest.raises(ValueError, match="existing handoff target user is not one of the participants"):
        await swarm.run(task="and?")
    with pytest.raises(ValueError, match="The target zoe is not one of the participants"):
        await swarm.run(task=HandoffMessage(content="x", source="user", target="zoe"))
    again = await swarm.run(task=HandoffMessage(content="x", source="user", target="bob"))
    assert sources(again) == ["user", "bob"]


async def test_a_handoff_to_nobody_fails_the_run_and_says_what_to_do() -> None:
    swarm = Swarm([Member("ann", hands_to("zoe", "ann")), Member("bob")])
    with pytest.raises(RunFailed, match=r"ann handed off to 'zoe'.*HandoffTermination\(target='zoe'\)"):
        await swarm.run(task="go")


async def test_state_keeps_who_has_the_conversation_in_hand() -> None:
    swarm = Swarm([Member("ann", hands_to("bob", "ann")), Member("bob")], max_turns=1)
    await swarm.run(task="go")
    state = await swarm.save_state()
    assert state["agent_states"]["SwarmGroupChatManager"]["current_speaker"] == "ann"
    other = Swarm([Member("ann"), Member("bob")], max_turns=1)
    await other.load_state(state)
    assert sources(await other.run()) == ["bob"]


async def test_reset_gives_the_conversation_back_to_the_first() -> None:
    swarm = Swarm([Member("ann", hands_to("bob", "ann")), Member("bob")], max_turns=2)
    await swarm.run(task="go")
    await swarm.reset()
    assert sources(await swarm.run(task="go"))[1] == "ann"


def test_construction_is_checked() -> None:
    class Talker(Member):
        @property
        def produced_message_types(self) -> tuple[type[TextMessage]]:
            return (TextMessage,)

    with pytest.raises(ValueError, match="first participant must be able to produce a handoff"):
        Swarm([Talker("ann")])
    with pytest.raises(TypeError, match="must be a ChatAgent"):
        Swarm([RoundRobinGroupChat([Member("ann")])])  # type: ignore[list-item]  # what is refused
