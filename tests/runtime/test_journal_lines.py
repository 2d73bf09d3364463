"""A line on disk says less than its entry, and the whole entry is read from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nbagents.agents import AssistantAgent
from nbagents.messages import TextMessage, ThoughtEvent
from nbagents.models import ReplayChatCompletionClient
from nbagents.runtime import Gate, Journal, passing
from nbagents.runtime.journal import FORMAT, read
from nbagents.runtime.journal_lines import Lines, moment
from nbagents.teams import DiGraphBuilder, GraphFlow, RoundRobinGroupChat

SAID = "The quarterly numbers look fine, so the next step is a short note to the board about the outlook. Yes."


async def test_a_turn_takes_its_text_once_and_half_a_kilobyte(tmp_path: Path) -> None:
    agents = [AssistantAgent(f"agent_{n}", ReplayChatCompletionClient([SAID] * 50)) for n in range(2)]
    path = tmp_path / "run.jsonl"
    with passing(Gate(Journal(path))) as gate:
        gate.write("run", format=FORMAT)
        await RoundRobinGroupChat(agents, max_turns=100).run(task="go")
    assert path.stat().st_size / 1024 / 100 < 0.6
    assert path.read_text().count(SAID) == 100
    assert read(path) == gate.journal.entries


async def test_what_runs_at_once_is_kept_apart(tmp_path: Path) -> None:
    agents = [AssistantAgent(name, ReplayChatCompletionClient([name, "again"])) for name in "abc"]
    builder = DiGraphBuilder()
    for agent in agents:
        builder.add_node(agent)
    path = tmp_path / "run.jsonl"
    with passing(Gate(Journal(path))) as gate:
        gate.write("run", format=FORMAT)
        flow = GraphFlow(builder.get_participants(), builder.build())
        await flow.run(task="go")
        await flow.run()
    assert read(path) == gate.journal.entries


@pytest.mark.parametrize(
    "message",
    [
        TextMessage(content="x", source="a"),
        TextMessage(content="x", source="a", id="my own", metadata={"k": "v"}),
        ThoughtEvent(content="hm", source="a"),
        TextMessage.model_validate({"content": "x", "source": "a", "created_at": "2020-01-01T00:00:00Z"}),
        TextMessage.model_validate({"content": "x", "source": "a", "created_at": "2020-01-01T00:00:00+02:00"}),
    ],
    ids=["plain", "metadata", "event", "old", "elsewhere"],
)
def test_every_message_is_read_as_it_was(tmp_path: Path, message: Any) -> None:
    journal = Journal(tmp_path / "run.jsonl")
    journal.write("run", format=FORMAT)
    journal.write("message", turn=1, message=message.dump())
    assert read(tmp_path / "run.jsonl") == journal.entries
    assert journal.entries[1]["message"] == message.dump()


def test_a_line_that_says_it_all_is_read_as_it_is() -> None:
    entry = {"seq": 0, "at": moment(1_700_000_000_123), "type": "result", "effect": "e1", "ok": True, "seconds": 1.5}
    assert entry["at"] == "2023-11-14T22:13:20.123+00:00"
    assert Lines().unpacked(entry) == entry
    packed = Lines().packed(entry)
    assert "seq" not in packed and Lines().unpacked(json.loads(json.dumps(packed))) == entry
