"""`GraphFlow` and `DiGraph`, rule by rule."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from nbagents.conditions import MaxMessageTermination, TextMentionTermination
from nbagents.errors import RunFailed
from nbagents.messages import BaseChatMessage
from nbagents.teams import DiGraph, DiGraphBuilder, DiGraphEdge, DiGraphNode, GraphFlow, RoundRobinGroupChat
from tests.teams.members import Member, sources, texts


def graph_of(start: str | None = None, **edges: list[DiGraphEdge]) -> DiGraph:
    nodes = {name: DiGraphNode(name=name, edges=out) for name, out in edges.items()}
    return DiGraph(nodes=nodes, default_start_node=start)


def to(target: str, condition: Any = None, **options: Any) -> DiGraphEdge:
    return DiGraphEdge(target=target, condition=condition, **options)


def diamond(**options: Any) -> tuple[GraphFlow, dict[str, Member]]:
    members = {name: Member(name) for name in "abcd"}
    a, b, c, d = members.values()
    builder = DiGraphBuilder().add_node(a).add_node(b).add_node(c).add_node(d)
    builder.add_edge(a, b).add_edge(a, c).add_edge(b, d).add_edge("c", "d")
    return GraphFlow(builder.get_participants(), builder.build(), **options), members


async def test_branches_run_at_once_and_are_joined() -> None:
    flow, members = diamond()
    result = await flow.run(task="go")
    assert sources(result)[:2] == ["user", "a"] and set(sources(result)[2:4]) == {"b", "c"}
    assert sources(result)[4:] == ["d"]
    assert result.stop_reason == "Digraph execution is complete"
    assert sorted(members["d"].heard) == ["a1", "b1", "c1", "go"]
    assert members["b"].heard == members["c"].heard == ["go", "a1"]  # not what the other said meanwhile


async def test_the_next_run_begins_at_the_start() -> None:
    flow, _ = diamond()
    await flow.run(task="go")
    assert sources(await flow.run())[0] == "a"


@pytest.mark.parametrize("stop", [{"max_turns": 3}, {"termination_condition": TextMentionTermination("d1")}])
async def test_a_graph_that_is_complete_ends_as_complete_whatever_else_would_stop_it(stop: Any) -> None:
    flow, _ = diamond(**stop)
    for _ in range(2):
        result = await flow.run(task="go")
        assert len(result.messages) == 5 and result.stop_reason == "Digraph execution is complete"


async def test_two_groups_that_are_complete_at_once_let_a_node_speak_once() -> None:
    graph = graph_of(a=[to("b"), to("c")], b=[to("d", activation_group="x")], c=[to("d", activation_group="y")], d=[])
    assert sources(await GraphFlow([Member(name) for name in "abcd"], graph).run())[-1:] == ["d"]
    assert len((await GraphFlow([Member(name) for name in "abcd"], graph).run()).messages) == 4


async def test_a_run_that_was_stopped_goes_on_from_there() -> None:
    flow, _ = diamond(max_turns=1)
    assert sources(await flow.run(task="go")) == ["user", "a"]
    assert set(sources(await flow.run())) == {"b", "c"}
    assert sources(await flow.run()) == ["d"]


async def test_every_answer_of_parallel_branches_is_shown_to_the_condition() -> None:
    slow = asyncio.Event()
    flow, members = diamond(termination_condition=TextMentionTermination("STOP"))
    members["b"].says, members["c"].wait = "STOP", slow
    running = asyncio.create_task(flow.run(task="go"))
    await members["c"].began.wait()
    slow.set()
    result = await running
    assert result.stop_reason == "Text 'STOP' mentioned"
    assert set(sources(result)[2:]) == {"b", "c"}


async def test_conditions_choose_the_way() -> None:
    a, yes, no = Member("a", "I say yes"), Member("yes"), Member("no")
    graph = graph_of(a=[to("yes", "yes"), to("no", lambda message: "no" in message.to_text())], yes=[], no=[])
    assert sources(await GraphFlow([a, yes, no], graph).run(task="go")) == ["user", "a", "yes"]


async def test_no_edge_that_fires_ends_the_run() -> None:
    graph = graph_of(a=[to("b", "yes")], b=[])
    result = await GraphFlow([Member("a"), Member("b")], graph).run(task="go")
    assert result.stop_reason == "Digraph execution is complete"


def loop(**options: Any) -> GraphFlow:
    members = [Member("a"), Member("b", lambda me: "again" if me.calls < 3 else "done"), Member("c")]
    graph = graph_of("a", a=[to("b")], b=[to("a", "again"), to("c", "done")], c=[])
    return GraphFlow(members, graph, **{"max_turns": 20, **options})


async def test_a_loop_goes_round_until_its_exit() -> None:
    assert sources(await loop().run(task="go"))[1:] == ["a", "b", "a", "b", "a", "b", "c"]


async def test_a_loop_goes_on_from_a_saved_state() -> None:
    flow = loop(max_turns=3)
    await flow.run(task="go")
    other = loop()
    await other.load_state(json.loads(json.dumps(await flow.save_state())))
    assert sources(await other.run()) == ["b", "a", "b", "c"]


async def test_any_lets_a_node_run_when_the_first_edge_fires() -> None:
    graph = graph_of(
        a=[to("b"), to("d", activation_condition="any")], b=[to("d", activation_condition="any")], d=[]
    )  # fmt: skip
    result = await GraphFlow([Member("a"), Member("b"), Member("d")], graph).run(task="go")
    assert sources(result)[2:4] in (["b", "d"], ["d", "b"])


async def test_the_activation_of_a_node_counts() -> None:
    a, b, d = Member("a"), Member("b"), Member("d")
    builder = DiGraphBuilder().add_node(a).add_node(b).add_node(d, activation="any")
    builder.add_edge(a, b).add_edge(a, d).add_edge(b, d)
    result = await GraphFlow([a, b, d], builder.build(), termination_condition=MaxMessageTermination(4)).run(task="go")
    assert sorted(sources(result)[2:4]) == ["b", "d"]


async def test_groups_of_edges_are_complete_by_themselves() -> None:
    graph = graph_of(
        a=[to("b"), to("d", activation_group="first")],
        b=[to("d", activation_group="second")], d=[],
    )  # fmt: skip
    result = await GraphFlow([Member("a"), Member("b"), Member("d")], graph).run(task="go")
    assert sorted(sources(result)[2:4]) == ["b", "d"] and sources(result)[4:] == ["d"]


async def test_a_branch_that_fails_ends_the_others_and_only_the_unfinished_are_asked_again() -> None:
    flow, members = diamond()

    def fails(member: Member) -> str:
        if member.calls == 1:
            raise ValueError("it hurts")
        return "better"

    never = asyncio.Event()
    members["b"].says, members["c"].wait = fails, never
    with pytest.raises(RunFailed, match="b failed in turn 2: ValueError: it hurts"):
        await flow.run(task="go")
    assert len(asyncio.all_tasks()) == 1
    never.set()
    again = await flow.run()
    assert sorted(texts(again)) == ["better", "c1", "d1"]


async def test_the_condition_sees_every_answer_of_a_turn_that_needed_two_attempts() -> None:
    flow, members = diamond(termination_condition=TextMentionTermination("STOP"))

    def fails(member: Member) -> str:
        raise ValueError("it hurts")

    members["b"].says, members["c"].says = "STOP", fails
    with pytest.raises(RunFailed):  # b has answered by then
        await flow.run(task="go")
    other, _ = diamond(termination_condition=TextMentionTermination("STOP"))
    await other.load_state(json.loads(json.dumps(await flow.save_state())))
    members["c"].says = None
    for chat in (flow, other):
        result = await chat.run()
        assert sources(result) == ["c"] and result.stop_reason == "Text 'STOP' mentioned"


async def test_a_condition_function_that_raises_names_the_agent() -> None:
    def broken(message: BaseChatMessage) -> bool:
        raise KeyError("oops")

    graph = graph_of(a=[to("b", broken)], b=[])
    with pytest.raises(RunFailed, match="a failed in turn 1: KeyError: 'oops'"):
        await GraphFlow([Member("a"), Member("b")], graph).run(task="go")


@pytest.mark.parametrize(
    ("graph", "text"),
    [
        (graph_of(), "Graph has no nodes"),
        (graph_of(a=[to("z")]), "a -> z leads to no node"),
        (graph_of(a=[to("b", "x")], b=[to("a")]), "at least one start node"),
        (graph_of("a", a=[to("b", "x")], b=[to("a")]), "at least one leaf node"),
        (graph_of(a=[to("b", "x"), to("c")], b=[], c=[]), "Node 'a' has a mix of conditional and unconditional edges"),
        (graph_of("a", a=[to("b")], b=[to("a"), to("c")], c=[]), "Cycle detected without exit condition: a -> b -> a"),
        (graph_of("q", a=[]), "'q' is no node"),
        (
            graph_of(a=[to("b", activation_condition="any"), to("c")], c=[to("b")], b=[]),
            "Conflicting activation conditions for target 'b' group 'b'",
        ),
    ],
)
async def test_a_graph_that_cannot_be_run_is_refused(graph: DiGraph, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        graph.graph_validate()
    with pytest.raises(ValueError, match=text):
        await GraphFlow([Member("a"), Member("b"), Member("c")], graph, max_turns=5).run(task="go")


def test_a_cycle_without_exit_is_found_also_behind_one_that_has_an_exit() -> None:
    graph = graph_of("a", a=[to("b"), to("c")], b=[to("c", "x"), to("z", "y")], c=[to("a")], z=[])
    with pytest.raises(ValueError, match="Cycle detected without exit condition: a -> c -> a"):
        graph.graph_validate()


async def test_a_loop_needs_an_end() -> None:
    with pytest.raises(ValueError, match="termination condition is required for cyclic graphs"):
        await loop(max_turns=None).run(task="go")


async def test_a_node_without_a_participant_is_named() -> None:
    flow = GraphFlow([Member("a")], graph_of(a=[to("b")], b=[]))
    with pytest.raises(RuntimeError, match="Speaker b not found in participant names"):
        await flow.run(task="go")


def test_a_builder_wants_nodes_before_edges() -> None:
    a, b = Member("a"), Member("b")
    with pytest.raises(ValueError, match="Source node 'a' must be added"):
        DiGraphBuilder().add_edge(a, b)
    with pytest.raises(ValueError, match="Target node 'b' must be added"):
        DiGraphBuilder().add_node(a).add_edge(a, b)
    with pytest.raises(ValueError, match="Start node 'b' must be added"):
        DiGraphBuilder().add_node(a).set_entry_point(b)


def test_a_graph_is_json_without_its_functions() -> None:
    edge = to("b", lambda message: True)
    assert edge.is_conditional
    assert edge.model_dump() == {
        "target": "b", "condition": None, "activation_group": "b", "activation_condition": "all",
    }  # fmt: skip
    graph = graph_of(a=[to("b", "yes")], b=[])
    assert DiGraph.model_validate_json(graph.model_dump_json()) == graph


def test_keyword_edges_are_deprecated_and_work() -> None:
    a, b, c = Member("a"), Member("b"), Member("c")
    builder = DiGraphBuilder().add_node(a).add_node(b).add_node(c)
    with pytest.warns(DeprecationWarning, match="use add_edge"):
        builder.add_conditional_edges(a, {"yes": b, "no": "c"})
    assert [edge.condition for edge in builder.build().nodes["a"].edges] == ["yes", "no"]


def test_teams_cannot_be_nodes() -> None:
    with pytest.raises(TypeError, match="must be a ChatAgent"):
        GraphFlow([RoundRobinGroupChat([Member("a")])], graph_of(a=[]))  # type: ignore[list-item]  # what is refused
