"""The journal of a run: a file beside the notebook that has it all, in order, whatever becomes of the kernel."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from nbclient.exceptions import DeadKernelError

from nbagents.runtime.journal import read
from tests.headless.conftest import AGENTS
from tests.headless.kernels import Headless

pytestmark = pytest.mark.asyncio(loop_scope="module")

FOLDER = Path(".nbagents/notebook")


def script(llmock: Any) -> None:
    llmock.reply("```python\nprint(sum(sales))\n```").reply("6 in all.").reply("DONE")


async def journal_of(headless: Headless, name: str) -> list[dict[str, Any]]:
    return read(headless.directory / FOLDER / f"{name}.jsonl")


async def test_it_begins_with_what_was_run(headless: Headless, llmock: Any) -> None:
    script(llmock)
    await headless.runs(
        "import pandas as pd\nsales = pd.Series([1, 2, 3], name='amount')",
        "%%team run pair --use sales --as first --approve always\nHow much?",
    )
    lock = (await journal_of(headless, "first"))[0]
    assert (lock["seq"], lock["type"], lock["format"], lock["name"]) == (0, "run", 1, "first")
    assert lock["team"] == {
        "name": "pair", "agents": ["coder", "writer"], "flow": "round_robin", "stop": "DONE", "max_turns": 4,
        "max_messages": None, "sha": lock["team"]["sha"],
    }  # fmt: skip
    assert [(agent["name"], agent["model"], agent["code"]) for agent in lock["agents"]] == [
        ("coder", "openai/scripted", "live"),
        ("writer", "openai/scripted", "none"),
    ]
    assert lock["agents"][0]["instructions"] == "You compute."
    assert lock["shared"] == {"sales": "Series 'amount' of Int64 with 3 values"}
    assert lock["settings"] == {"approve": "always", "code": "live", "budget": {"usd": 1.0}}
    assert {"id", "nbagents", "python", "at"} <= lock.keys()


async def test_its_lines_are_in_order(headless: Headless, llmock: Any) -> None:
    script(llmock)
    await headless.runs("sales = [1, 2, 3]", "%%team run pair --as ordered --approve always\nHow much?")
    entries = await journal_of(headless, "ordered")
    assert [entry["seq"] for entry in entries] == list(range(len(entries)))
    assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)
    assert [" ".join([entry["type"], entry.get("kind", "")]).strip() for entry in entries] == [
        "run", "task",
        "speaker", "unpriced", "effect model", "result", "message",
        "effect code", "result", "message",
        "effect model", "result", "message",
        "speaker", "effect model", "result", "message",
        "end",
    ]  # fmt: skip
    assert entries == await headless.value("ordered.journal.entries")


async def test_every_effect_has_its_result(headless: Headless, llmock: Any) -> None:
    script(llmock)
    await headless.runs("sales = [1, 2, 3]", "%%team run pair --as effects --approve always\nHow much?")
    entries = await journal_of(headless, "effects")
    effects = {entry["effect"]: entry for entry in entries if entry["type"] == "effect"}
    results = {entry["effect"]: entry for entry in entries if entry["type"] == "result"}
    assert effects.keys() == results.keys() and len(effects) == 4
    assert all(effect["key"].startswith("sha256:") for effect in effects.values())
    [code] = [id for id, effect in effects.items() if effect["kind"] == "code"]
    assert effects[code]["request"]["code"] == "print(sum(sales))"
    assert results[code]["value"]["output"] == "6\n"
    assert entries[-1]["usage"]["calls"] == 3


async def test_a_run_that_fails_is_ended_and_says_why(headless: Headless, llmock: Any) -> None:
    llmock.fail(401, times=None)
    await headless.run("%%team run writer --as refused\nhi")
    *_, result, end = await journal_of(headless, "refused")
    assert result["ok"] is False and "the key was refused" in result["error"]
    assert end["status"] == "failed" and "the key was refused" in end["error"]


async def test_a_second_run_has_a_journal_of_its_own(headless: Headless, llmock: Any) -> None:
    llmock.reply("one").reply("two")
    await headless.runs("%%team run writer --as twice\nFirst.", "%%team run writer --as twice\nSecond.")
    assert await headless.value("str(twice.journal.path)") == str(FOLDER / "twice-2.jsonl")
    tasks = [(await journal_of(headless, name))[1]["messages"][0]["content"] for name in ("twice", "twice-2")]
    assert tasks == ["First.", "Second."]


async def test_it_is_beside_the_notebook_wherever_a_cell_went(headless: Headless, llmock: Any) -> None:
    llmock.reply("one")
    home = "import os\nhome = os.getcwd()\nos.makedirs('elsewhere')\nos.chdir('elsewhere')"
    try:
        await headless.runs(home, "%%team run writer --as moved\nhi")
    finally:
        await headless.runs("os.chdir(home)")
    assert (headless.directory / FOLDER / "moved.jsonl").exists()
    assert not (headless.directory / "elsewhere" / ".nbagents").exists()


@pytest.mark.parametrize("when", ["the model is asked", "code runs"])
async def test_a_killed_kernel_leaves_a_readable_journal(
    python: str, environment: dict[str, str], tmp_path: Path, llmock: Any, when: str
) -> None:
    llmock.reply("```python\nimport time\ntime.sleep(30)\n```")
    if when == "the model is asked":
        llmock.delay(30)
    headless = await Headless.start(python, tmp_path, environment)
    try:
        await headless.runs(*AGENTS)
        cell = asyncio.create_task(headless.run("%%team run pair --as killed --approve always\nhi"))
        path = tmp_path / FOLDER / "killed.jsonl"
        kind = "model" if when == "the model is asked" else "code"
        await asyncio.to_thread(_until_begun, path, kind)
        os.kill(headless.pid, signal.SIGKILL)
        with pytest.raises(DeadKernelError):
            await cell
    finally:
        await headless.stop()
    entries = read(path)
    assert (entries[0]["type"], entries[1]["type"]) == ("run", "task")
    assert (entries[-1]["type"], entries[-1]["kind"]) == ("effect", kind)
    assert all(json.loads(line) for line in path.read_text().splitlines())


def _until_begun(path: Path, kind: str) -> None:
    """Wait until the journal says that an effect of `kind` has begun; nobody but the file can tell."""
    deadline = time.monotonic() + 20
    while not path.exists() or f'"kind":"{kind}"' not in path.read_text():
        assert time.monotonic() < deadline, f"no {kind} effect began"
        time.sleep(0.05)
