"""What a turn costs: our teams against AutoGen's, each in a Python of its own, process CPU time, an instant model.

    python bench/teams.py                      both, all cases; the peer's Python is $NBAGENTS_BENCH_PEER or
                                               bench/.venvs/autogen/bin/python (bench/run makes it)
    python bench/teams.py ours CASE            one case in this process, as JSON
    python bench/teams.py peer CASE            the same, where autogen-agentchat is installed

Cases of one side run in processes of their own, the two sides in turn, several times; medians are compared.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PEER = os.environ.get("NBAGENTS_BENCH_PEER", str(HERE / ".venvs" / "autogen" / "bin" / "python"))
SAID = "The quarterly numbers look fine, so the next step is a short note to the board about the outlook. Yes."

# case: the most that ours may cost, as a share of the peer's
TARGETS = {
    "turns200x2": 1 / 4, "turns200x10": 1 / 4, "turns1000x2": 1 / 6, "turns1000x10": 1 / 6,
    "disk200x2": 1.0, "disk1000x2": 1.0, "chunks": 1 / 10, "teams200x20": 1 / 4, "save1000": 1 / 3, "import": None,
    "flat": 1 / 6, "flatx10": 1 / 6, "flat20": 1 / 4,
}  # fmt: skip
LIMITS = {"import": 0.150, "kib_per_turn": 0.6, "growth": 1.2}


class Ours:
    """Our packages, under the names that the cases use."""

    packages = ("nbagents.agents", "nbagents.teams", "nbagents.models", "nbagents.memory")


class Peer:
    """AutoGen's."""

    packages = (
        "autogen_agentchat.agents",
        "autogen_agentchat.teams",
        "autogen_core.models",
        "autogen_core.model_context",
    )


def side_of(name: str) -> tuple[Any, Any, Any, Any]:
    packages = (Ours if name == "ours" else Peer).packages
    agents, teams, models, contexts = (importlib.import_module(package) for package in packages)
    return agents, teams, models, contexts


def instant_client(models: Any, chunks: int = 0, asked: Callable[[], None] = lambda: None) -> Any:
    """A client that answers at once, in `chunks` pieces if it streams, and tells `asked` of each question."""
    usage = models.RequestUsage(prompt_tokens=100, completion_tokens=20)
    answer = models.CreateResult(finish_reason="stop", content=SAID, usage=usage, cached=False)
    info = {"vision": False, "function_calling": True, "json_output": True, "structured_output": True,
            "family": "unknown", "multiple_system_messages": True}  # fmt: skip

    class Instant(models.ChatCompletionClient):  # type: ignore[misc,name-defined]  # the class is either side's
        component_type = "model"
        component_config_schema = models.RequestUsage
        model_info = info
        capabilities = info

        async def create(self, messages: Any, **options: Any) -> Any:
            asked()
            return answer

        async def create_stream(self, messages: Any, **options: Any) -> Any:
            for _ in range(chunks):
                yield "word "
            yield models.CreateResult(finish_reason="stop", content="word " * chunks, usage=usage, cached=False)

        async def close(self) -> None: ...
        def actual_usage(self) -> Any:
            return usage

        def total_usage(self) -> Any:
            return usage

        def count_tokens(self, messages: Any, **options: Any) -> int:
            return 0

        def remaining_tokens(self, messages: Any, **options: Any) -> int:
            return 1_000_000

        def _to_config(self) -> Any: ...

    return Instant()


def round_robin(
    name: str, agents: int, turns: int, chunks: int = 0, asked: Callable[[], None] = lambda: None, shown: int = 0
) -> Any:
    module, teams, models, contexts = side_of(name)
    members = [
        module.AssistantAgent(
            f"agent_{n}",
            instant_client(models, chunks, asked),
            model_client_stream=bool(chunks),
            model_context=contexts.BufferedChatCompletionContext(shown) if shown else None,
        )
        for n in range(agents)
    ]
    return teams.RoundRobinGroupChat(members, max_turns=turns)


async def turns(name: str, agents: int, count: int) -> dict[str, float]:
    team = round_robin(name, agents, count)
    await round_robin(name, agents, 10).run(task="warm up")
    gc.collect()  # else chance decides whom the collection of what was imported hits: a sixth of a thousand turns
    began = time.process_time()
    result = await team.run(task="Write the note.")
    spent = time.process_time() - began
    assert len(result.messages) == count + 1
    return {"cpu": spent, "each": spent / count}


async def on_disk(name: str, agents: int, count: int) -> dict[str, float]:
    if name == "peer":  # it has no journal: what it costs without one
        return await turns(name, agents, count)
    from nbagents.runtime import Gate, Journal, passing

    await round_robin(name, agents, 10).run(task="warm up")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.jsonl"
        team = round_robin(name, agents, count)
        with passing(Gate(Journal(path))) as gate:
            gc.collect()
            began = time.process_time()
            await team.run(task="Write the note.")
            spent = time.process_time() - began
            gate.journal.close()
        return {"cpu": spent, "each": spent / count, "kib_per_turn": path.stat().st_size / 1024 / count}


async def chunks(name: str) -> dict[str, float]:
    team, seen = round_robin(name, 1, 1, chunks=10_000), 0
    began = time.process_time()
    async for _ in team.run_stream(task="Tell it."):
        seen += 1
    spent = time.process_time() - began
    assert seen > 10_000
    return {"cpu": spent, "each": spent / 10_000}


async def many_teams(name: str) -> dict[str, float]:
    teams = [round_robin(name, 2, 20) for _ in range(200)]
    began = time.process_time()
    await asyncio.gather(*(team.run(task="Write the note.") for team in teams))
    spent = time.process_time() - began
    return {"cpu": spent, "each": spent / 4000}


async def save(name: str) -> dict[str, float]:
    team = round_robin(name, 2, 1000)
    await team.run(task="Write the note.")
    # As timeit does: a full collection costs more than a save, and whom it hits is chance.
    gc.collect()
    gc.disable()
    began = time.process_time()
    for _ in range(5):
        await team.save_state()
    return {"cpu": (time.process_time() - began) / 5}


async def flat(name: str, agents: int = 2, shown: int = 0) -> dict[str, float]:
    """CPU of a turn around turn 100 and around turn 10,000 of one run, by the clock of the model that is asked.

    The model is asked with all of the conversation, which grows, or with the last `shown` messages of it. Garbage is
    collected as for any user: what a collection costs is part of the turns that it falls into.
    """
    marks: list[float] = []
    team = round_robin(name, agents, 10_000, asked=lambda: marks.append(time.process_time()), shown=shown)
    await team.run(task="Write the note.")
    early, late = (marks[250] - marks[50]) / 200, (marks[9_950] - marks[9_750]) / 200
    return {"cpu": late, "each": late, "early": early, "growth": late / early}


def imported(name: str) -> dict[str, float]:
    teams = (Ours if name == "ours" else Peer).packages[1]
    began = time.process_time()
    importlib.import_module(teams).RoundRobinGroupChat  # noqa: B018  # a lazy package imports it now
    return {"cpu": time.process_time() - began}


def measured(name: str, case: str) -> dict[str, float]:
    """Run one case of one side here."""
    logging.disable(logging.CRITICAL)
    if case == "import":
        return imported(name)
    works = {"chunks": chunks, "teams200x20": many_teams, "save1000": save, "flat": flat}
    if case == "flatx10":
        return asyncio.run(flat(name, agents=10))
    if case == "flat20":
        return asyncio.run(flat(name, shown=20))
    if case in works:
        return asyncio.run(works[case](name))
    work = on_disk if case.startswith("disk") else turns
    count, agents = case.removeprefix("disk").removeprefix("turns").split("x")
    return asyncio.run(work(name, int(agents), int(count)))


def child(name: str, case: str) -> dict[str, float]:
    """Run one case of one side in a process of its own."""
    python = sys.executable if name == "ours" else PEER
    environment = {
        **os.environ,
        "AUTOGEN_DISABLE_RUNTIME_TRACING": os.environ.get("AUTOGEN_DISABLE_RUNTIME_TRACING", ""),
    }
    if name == "ours":
        environment["PYTHONPATH"] = str(HERE.parent)
    done = subprocess.run([python, __file__, name, case], capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{name} {case} failed:\n{done.stderr}")
    report: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return report


def main(cases: list[str], times: int) -> int:
    """Measure and compare; 1 when a target is missed."""
    missed = 0
    print(f"{'case':14} {'ours ms':>10} {'peer ms':>10} {'ratio':>7} {'target':>7}")
    for case in cases:
        sides: dict[str, list[dict[str, float]]] = {"ours": [], "peer": []}
        for _ in range(times):
            for name, rows in sides.items():
                rows.append(child(name, case))
        row = {key: statistics.median(one[key] for one in sides["ours"]) for key in sides["ours"][0]}
        ours = row["cpu"] * 1000
        more = ", ".join(
            f"{key} {value * (1000 if key in ('each', 'early') else 1):.3f}"
            for key, value in row.items()
            if key != "cpu"
        )
        peer = statistics.median(row["cpu"] for row in sides["peer"]) * 1000
        target = TARGETS[case]
        missed |= ours / 1000 > LIMITS["import"] if target is None else ours > target * peer
        missed |= any(row.get(key, 0) > LIMITS[key] for key in ("kib_per_turn", "growth"))
        goal = f"{target:.2f}" if target else f"{LIMITS['import'] * 1000:.0f}ms"
        print(f"{case:14} {ours:10.2f} {peer:10.2f} {ours / peer:7.2f} {goal:>7}  {more}", flush=True)
    return missed


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments and arguments[0] in ("ours", "peer"):
        print(json.dumps(measured(arguments[0], arguments[1])))
    else:
        raise SystemExit(main(arguments or list(TARGETS), int(os.environ.get("NBAGENTS_BENCH_TIMES", "3"))))
