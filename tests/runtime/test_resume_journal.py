"""A run that goes on in its journal: where the file is, what a full disk left of it, what keeps it from going on."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from nbagents.errors import JournalError, RunFailed
from nbagents.runtime import Gate, Journal, Run
from nbagents.runtime.journal import read
from tests.runtime.test_resume import Numbered, ended, pair, paused_run


async def test_a_journal_is_found_again_after_a_change_of_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    run = await paused_run(Path("journals") / "r.jsonl")
    monkeypatch.chdir("elsewhere")
    assert await ended(run.resume("+4turns")) is None
    assert read(tmp_path / "journals" / "r.jsonl") == run.journal.entries


@pytest.mark.parametrize("nth", ["speaker", "effect", "result", "message"])
async def test_a_run_that_a_full_disk_ended_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: str
) -> None:
    """Whichever line of the third turn it is that fits in part only."""
    lines = [2 + 2 * 4 + ["speaker", "effect", "result", "message"].index(nth)]
    run = Run("r", pair(Numbered()), Gate(Journal(tmp_path / "r.jsonl")))

    def write(file: int, data: bytes, real: Any = os.write) -> int:
        if file == run.journal._file:
            lines[0] -= 1
            if lines[0] < -1:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            data = data if lines[0] >= 0 else data[:10]
        return int(real(file, data))

    monkeypatch.setattr(os, "write", write)
    run.start("go")
    assert isinstance(await ended(run), RunFailed) and run.status == "failed"
    assert run.journal.entries[-1]["type"] != nth and run.gate.taken == 2
    with pytest.raises(JournalError, match="No space left"):
        run.resume()
    lines[0] = 1_000
    assert await ended(run.resume()) is None
    entries = read(tmp_path / "r.jsonl")
    assert entries == run.journal.entries
    said = [entry["message"]["id"] for entry in entries if entry["type"] == "message"]
    assert len(said) == len(set(said)) == 6, "each of the six turns has its message, and has it once"
    assert [entry["status"] for entry in entries if entry["type"] == "end"] == ["failed", "done"]


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text(path.read_text() + "{}\n")])
async def test_a_journal_that_is_not_as_it_was_left_is_not_gone_on_with(tmp_path: Path, spoil: Any) -> None:
    run = await paused_run(tmp_path / "r.jsonl")
    before = len(run.journal.entries)
    spoil(tmp_path / "r.jsonl")
    with pytest.raises(JournalError, match="the run cannot go on"):
        run.resume("+4turns")
    assert (run.status, len(run.journal.entries)) == ("paused", before)
    run.stop()
    assert isinstance(await ended(run), RunFailed)
