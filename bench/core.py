"""What a message costs: our in-process core against AutoGen's, each in a Python of its own, process CPU time.

    python bench/core.py                       both, all cases; the peer's Python is $NBAGENTS_BENCH_PEER or
                                               bench/.venvs/autogen/bin/python (bench/run makes it)
    python bench/core.py ours|peer CASE        one case in this process: microseconds of CPU for one unit

Each case of each side runs in a process of its own, the two sides in turn, several times; the medians are compared.
The peer runs as it is installed, and also with its tracing switched off, which is its fastest.
Exit code 1 when a ratio is below its target.
"""

# No `from __future__ import annotations`: the peer cannot read hints that name what only a function knows.
import asyncio
import importlib
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PEER = os.environ.get("NBAGENTS_BENCH_PEER", str(HERE / ".venvs" / "autogen" / "bin" / "python"))
PACKAGES = {"ours": "nbagents.runtime", "peer": "autogen_core"}
SUBSCRIBERS = 100
ROUNDS = 5
TARGET = 5.0


@dataclass
class Said:
    """What the agents say."""

    text: str


async def started(core: Any, agents: int) -> Any:
    """A runtime in which that many agents exist and hear the topic "news"."""

    class Answering(core.RoutedAgent):  # type: ignore[misc,name-defined]  # the class is either side's
        def __init__(self) -> None:
            super().__init__("answers")

        @core.message_handler  # type: ignore[untyped-decorator]  # as above
        async def on_said(self, message: Said, ctx: core.MessageContext) -> Said:  # type: ignore[name-defined]
            return message

    runtime = core.SingleThreadedAgentRuntime()
    for number in range(agents):
        await Answering.register(runtime, f"agent{number}", Answering)
        await runtime.add_subscription(core.TypeSubscription("news", f"agent{number}"))
        await runtime.get(f"agent{number}", "key", lazy=False)
    runtime.start()
    return runtime


async def publish(core: Any, count: int = 200) -> float:
    """CPU per delivery, when that many publications go to 100 subscribers."""
    runtime = await started(core, SUBSCRIBERS)
    topic = core.TopicId("news", "key")
    before = time.process_time()
    for number in range(count):
        await runtime.publish_message(Said(f"message {number}"), topic)
    await runtime.stop_when_idle()
    return (time.process_time() - before) / (count * SUBSCRIBERS)


async def publish_in_turn(core: Any, count: int = 200) -> float:
    """As `publish`, but each publication is handled before the next one is made."""
    runtime = await started(core, SUBSCRIBERS)
    topic = core.TopicId("news", "key")
    before = time.process_time()
    for number in range(count):
        await runtime.publish_message(Said(f"message {number}"), topic)
        await runtime.stop_when_idle()
        runtime.start()
    spent = time.process_time() - before
    await runtime.stop()
    return spent / (count * SUBSCRIBERS)


async def send(core: Any, count: int = 5000, token: Any = None) -> float:
    """CPU per round trip, one after the other."""
    runtime = await started(core, 1)
    recipient = core.AgentId("agent0", "key")
    before = time.process_time()
    for number in range(count):
        await runtime.send_message(Said(f"message {number}"), recipient, cancellation_token=token)
    spent = time.process_time() - before
    await runtime.stop()
    return spent / count


async def send_with_token(core: Any) -> float:
    """As `send`, all with one cancellation token, as in a long run."""
    return await send(core, token=core.CancellationToken())


async def send_at_once(core: Any, count: int = 5000, width: int = 50) -> float:
    """CPU per round trip, 50 at a time."""
    runtime = await started(core, width)
    recipients = [core.AgentId(f"agent{number}", "key") for number in range(width)]
    before = time.process_time()
    for _ in range(count // width):
        await asyncio.gather(*(runtime.send_message(Said("message"), recipient) for recipient in recipients))
    spent = time.process_time() - before
    await runtime.stop()
    return spent / count


CASES = {case.__name__: case for case in (publish, publish_in_turn, send, send_with_token, send_at_once)}


def measured(python: str, side: str, case: str, **environment: str) -> float:
    """One case of one side, in a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(HERE.parent) if side == "ours" else "", **environment}
    command = [python, str(HERE / "core.py"), side, case]
    return float(subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout)


def compare() -> int:
    """Print the table; 1 when a target is missed."""
    missed = 0
    print(f"| CPU µs, median of {ROUNDS} | ours | AutoGen 0.7.5 | ratio | its tracing off | ratio | target |")
    print("|---|---|---|---|---|---|---|")
    for case in CASES:
        ours, peer, untraced = list[float](), list[float](), list[float]()
        for _ in range(ROUNDS):
            ours.append(measured(sys.executable, "ours", case))
            peer.append(measured(PEER, "peer", case))
            untraced.append(measured(PEER, "peer", case, AUTOGEN_DISABLE_RUNTIME_TRACING="true"))
        our, its, least = statistics.median(ours), statistics.median(peer), statistics.median(untraced)
        missed |= its / our < TARGET
        print(
            f"| {case} | {our:.1f} | {its:.1f} | {its / our:.1f} | {least:.1f} | {least / our:.1f} | {TARGET:.0f} |",
            flush=True,
        )
    return int(missed)


def main(arguments: list[str]) -> int:
    if len(arguments) == 2:
        side, case = arguments
        print(asyncio.run(CASES[case](importlib.import_module(PACKAGES[side]))) * 1e6)
        return 0
    return compare()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
