"""The journal: one line per fact, written before anything depends on it, never with a secret in it."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import rfc8785

from nbagents.errors import JournalError
from nbagents.runtime.journal import FORMAT, Journal, effect_key, read


def test_an_entry_is_on_disk_when_write_returns(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a" / "run.jsonl")
    journal.write("run", format=FORMAT, name="x")
    assert [json.loads(line)["name"] for line in (tmp_path / "a" / "run.jsonl").read_text().splitlines()] == ["x"]


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run.jsonl")
    journal.write("run", format=FORMAT, text="line\nbreak “quotes” \u2028 \U0001f427 {}", nothing=None)
    journal.write("end", status="done")
    assert read(tmp_path / "run.jsonl") == journal.entries
    assert "nothing" not in journal.entries[0]
    assert [entry["seq"] for entry in journal.entries] == [0, 1]


def test_secrets_are_taken_out_at_any_depth(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run.jsonl", redact=lambda text: text.replace("hunter2", "***"))
    journal.write("run", format=FORMAT, deep={"list": ["x hunter2 y", {"k": "hunter2"}]})
    assert "hunter2" not in (tmp_path / "run.jsonl").read_text()
    assert journal.entries[0]["deep"] == {"list": ["x *** y", {"k": "***"}]}


def test_a_journal_is_never_written_over(tmp_path: Path) -> None:
    Journal(tmp_path / "run.jsonl").write("run", format=FORMAT)
    with pytest.raises(JournalError, match="cannot be made"):
        Journal(tmp_path / "run.jsonl")


def test_a_line_cut_off_by_a_crash_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text('{"seq":0,"type":"run","format":1}\n{"seq":1,"type":"ta')
    assert [entry["type"] for entry in read(path)] == ["run"]


def test_damage_before_the_last_line_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text('{"seq":0,"type":"run","format":1}\n{"seq":1,"ty\n{"seq":2,"type":"end"}\n')
    with pytest.raises(JournalError, match="line 2"):
        read(path)


def test_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text('{"seq":0,"type":"run","format":99}\n')
    with pytest.raises(JournalError, match="format 1"):
        read(path)


def test_a_place_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="a place that can be written"):
        Journal(tmp_path / "file" / "run.jsonl")


def test_a_full_disk_stops_the_run_with_one_line() -> None:
    if not os.path.exists("/dev/full"):
        pytest.fail("this test needs /dev/full")
    journal = Journal()
    journal.path, journal._file = Path("/dev/full"), os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(JournalError, match="cannot be written"):
        journal.write("task", messages=[])
    journal.close()


def test_a_killed_process_leaves_whole_lines(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from nbagents.runtime.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1])); journal.write('run', format=1); print('ready', flush=True)\n"
        "while True: journal.write('message', text='x' * 5000)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "run.jsonl")], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    entries = read(tmp_path / "run.jsonl")
    assert [entry["seq"] for entry in entries] == list(range(len(entries)))


def test_the_same_effect_has_the_same_key_whatever_the_order_of_its_fields() -> None:
    first = effect_key("model", "a", {"model": "m", "messages": [{"content": "é", "type": "t"}]})
    second = effect_key("model", "a", {"messages": [{"type": "t", "content": "é"}], "model": "m"})
    assert first == second
    assert first != effect_key("model", "b", {"model": "m", "messages": [{"content": "é", "type": "t"}]})
    assert first.startswith("sha256:") and len(first) == 71


@pytest.mark.parametrize("text", ["plain", 'quo"te \\ back', "line\nfeed\ttab\x00\x1f\x7f", "ünïcode €  😀", ""])
def test_the_quick_way_to_a_key_gives_the_key_of_the_rfc(text: str) -> None:
    request = {"model": text, "messages": "m", "Z": text}
    whole = rfc8785.dumps({"kind": "model", "agent": text, "request": request})
    assert effect_key("model", text, request) == "sha256:" + hashlib.sha256(whole).hexdigest()
