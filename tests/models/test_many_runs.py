"""Fifty teams at once against a server that fails a third of the calls: each ends, rightly or with a typed error."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from nbagents.agents import AssistantAgent
from nbagents.errors import ModelError, RunFailed
from nbagents.models import OpenAIChatCompletionClient
from nbagents.teams import RoundRobinGroupChat
from tests.models.aimock import Aimock, aimock

RUNS = 50
NUMBERS = [f"{number:03}" for number in range(RUNS)]
FIXTURES = [
    fixture
    for number in NUMBERS
    for fixture in (
        {"match": {"userMessage": f"task-{number}"}, "response": {"content": f"draft-{number} of a long text"}},
        {"match": {"userMessage": f"draft-{number}"}, "response": {"content": f"checked-{number}"}},
    )
]
THIRD = {"dropRate": 0.12, "rateLimitRate": 0.08, "disconnectRate": 0.09, "malformedRate": 0.09}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Aimock]:
    with aimock(tmp_path, FIXTURES) as server, stamina.set_testing(True, attempts=10, cap=True):
        yield server


def connections() -> set[str]:
    """This process's TCP sockets, by inode; a loop's own pair of sockets is none of them."""
    tcp = {line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]}
    links = (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
    return {os.readlink(link)[8:-1] for link in links if os.path.exists(link)} & tcp


async def one_run(number: str, url: str, streamed: bool) -> str:
    """Writer and checker; the last message, or "" where a typed error ended it."""
    client = OpenAIChatCompletionClient("gpt-4o", base_url=url, api_key="k")
    agents = [AssistantAgent(name, client, model_client_stream=streamed) for name in ("writer", "checker")]
    try:
        result = await RoundRobinGroupChat(agents, max_turns=2).run(task=f"task-{number}")
    except ModelError:
        return ""
    except RunFailed as error:
        cause = error.__cause__
        return "" if isinstance(cause, ModelError) and cause.model == "gpt-4o" else repr(cause)
    finally:
        await client.close()
    return result.messages[-1].to_text()


async def all_runs(url: str) -> list[str]:
    async with asyncio.timeout(60):
        answers = await asyncio.gather(*(one_run(number, url, int(number) % 2 == 0) for number in NUMBERS))
    assert asyncio.all_tasks() == {asyncio.current_task()}, "a task is left"
    return answers


def test_every_run_ends_rightly_or_with_a_typed_error(server: Aimock) -> None:
    server.chaos(**THIRD)
    before, threads = connections(), {thread.name for thread in threading.enumerate()}
    answers = asyncio.run(all_runs(f"{server.url}/v1"))

    wrong = [answer for number, answer in zip(NUMBERS, answers, strict=True) if answer not in ("", f"checked-{number}")]
    assert wrong == []
    failed = [request for request in server.requests() if request["response"]["status"] != 200]
    assert len(failed) > 20, "the server failed less often than it was told to"
    assert answers.count("") < RUNS / 2, "retries help most runs to their end"
    left = {thread.name for thread in threading.enumerate()} - threads
    # The one I/O thread of the process stays, and the pool of its loop; a run has none of its own.
    assert {name for name in left if name != "nbagents-io" and not name.startswith("asyncio_")} == set()
    assert len(left) < 10
    assert connections() <= before, "a socket is left"
