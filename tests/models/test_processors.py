"""Threads are counted by core, not by hyper-thread, and within a container's quota."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nbagents.models.processors import physical_cores


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four processors on two cores."""
    for number, siblings in enumerate(["0,2", "1,3", "0,2", "1,3"]):
        folder = tmp_path / f"cpu{number}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(siblings + "\n")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    return tmp_path


def test_hyper_threads_count_once(machine: Path) -> None:
    assert physical_cores(machine, machine / "none") == 2


def test_quota_of_a_container_limits(machine: Path) -> None:
    quota = machine / "cpu.max"
    for text, cores in (("50000 100000\n", 1), ("150000 100000\n", 2), ("max 100000\n", 2)):
        quota.write_text(text)
        assert physical_cores(machine, quota) == cores


def test_system_that_says_nothing_counts_processors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert physical_cores(tmp_path / "none", tmp_path / "none") == 6
