"""Runs the parts of the test suite, in two lanes side by side, and counts what passed and failed.

Each part writes to its own log in `artifacts/logs`; a part that fails has its log printed at the end. The counts come
from pytest's JUnit files, so that a part which dies before it reports still counts as a failure.

    python scripts/run_tests.py            every part
    python scripts/run_tests.py kernel     the named parts only
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
ARTIFACTS = Path(os.environ.get("NBAGENTS_ARTIFACTS", ROOT / "artifacts"))
BIN = Path(sys.executable).parent
HEARTBEAT_SECONDS = 30

PARTS: dict[str, list[str]] = {
    "check": ["make", "--no-print-directory", "check"],
    "packaging": [str(BIN / "pytest"), "tests/packaging", "--timeout=600"],
    "kernel": [str(BIN / "pytest"), "tests/kernel", "--timeout=300"],
    "headless": [str(BIN / "pytest"), "tests/headless", "--timeout=300"],
    "executors": [str(BIN / "pytest"), "tests/executors", "--timeout=300"],
    "docker": [str(BIN / "pytest"), "tests/docker", "--timeout=600"],
    "browser": [str(BIN / "pytest"), "tests/browser", "--timeout=300"],
    "docs": ["make", "--no-print-directory", "docs"],
    "model": [str(BIN / "pytest"), "tests/model", "--timeout=600"],
    "demo": [str(BIN / "nbagents"), "demo"],
}
LANES = 2
# Waves run one after the other; within a wave a lane that is free takes the next part, so the long ones stand first.
# The unit tests run in two processes, and a real model wants both cores to itself.
WAVES = [["check"], ["browser", "docker", "kernel", "headless", "executors", "packaging", "docs"], ["model"], ["demo"]]


@dataclass
class Outcome:
    """How one part ended."""

    part: str
    status: int
    seconds: float
    passed: int
    failed: int
    skipped: int

    def __str__(self) -> str:
        word = "ok    " if self.failed == 0 else "FAILED"
        counts = f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")
        return f"    {word} {self.part:<10} {self.seconds:6.1f} s   {counts}"


def log_of(part: str) -> Path:
    return ARTIFACTS / "logs" / f"{part}.log"


def run_part(part: str) -> Outcome:
    """Runs a part to its end and reads what it counted."""
    print(f"==> {part}", flush=True)
    junit = ARTIFACTS / "logs" / f"{part}.xml"
    junit.unlink(missing_ok=True)
    options = f"{os.environ.get('PYTEST_ADDOPTS', '')} --junitxml={shlex.quote(str(junit))}"
    began = time.monotonic()
    with log_of(part).open("w") as log, Heartbeat(part):
        status = subprocess.run(
            PARTS[part], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "PYTEST_ADDOPTS": options}
        ).returncode
    passed, failed, skipped = counts_in(junit)
    if status != 0 and failed == 0:
        failed = 1  # the linter, the type checker, or pytest itself
    if status == 0 and passed == 0:
        passed = 1  # a part that is no pytest run
    outcome = Outcome(part, status, time.monotonic() - began, passed, failed, skipped)
    print(outcome, flush=True)
    return outcome


class Heartbeat:
    """Says every half minute that a part is still at work, and on what."""

    def __init__(self, part: str) -> None:
        self.part = part
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.beat, daemon=True)

    def beat(self) -> None:
        began = time.monotonic()
        while not self.ended.wait(HEARTBEAT_SECONDS):
            lines = log_of(self.part).read_text(errors="replace").splitlines() or [""]
            print(f"    ...    {self.part:<10} {time.monotonic() - began:6.1f} s   {lines[-1][:80]}", flush=True)

    def __enter__(self) -> Heartbeat:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()


def counts_in(junit: Path) -> tuple[int, int, int]:
    """Passed, failed and skipped tests of a JUnit file; zeros where there is none."""
    if not junit.exists():
        return 0, 0, 0
    suites = ElementTree.parse(junit).getroot().iter("testsuite")
    total = failed = skipped = 0
    for suite in suites:
        total += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0))
    return max(total - failed - skipped, 0), failed, skipped


def run(wanted: list[str]) -> list[Outcome]:
    """Runs the wanted parts, wave by wave."""
    outcomes: list[Outcome] = []
    for wave in WAVES:
        with ThreadPoolExecutor(max_workers=LANES) as lanes:
            outcomes += lanes.map(run_part, [part for part in wave if part in wanted])
    return outcomes


def main(arguments: list[str]) -> int:
    unknown = [part for part in arguments if part not in PARTS]
    if unknown:
        print(f"unknown part {unknown[0]!r}: expected one of {', '.join(PARTS)}", file=sys.stderr)
        return 2
    (ARTIFACTS / "logs").mkdir(parents=True, exist_ok=True)
    outcomes = run(arguments or list(PARTS))
    for outcome in outcomes:
        if outcome.failed:
            print(f"\n----- {outcome.part}: {log_of(outcome.part)}")
            print(log_of(outcome.part).read_text(errors="replace"))
    passed, failed = sum(o.passed for o in outcomes), sum(o.failed for o in outcomes)
    skipped = sum(o.skipped for o in outcomes)
    print("\n" + "\n".join(str(outcome) for outcome in outcomes))
    summary = f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")
    (ARTIFACTS / "summary.txt").write_text(summary + "\n")
    print(summary)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
