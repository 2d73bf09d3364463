"""Runs the parts of the test suite, in two lanes side by side, and counts what passed and failed.

Each part writes to its own log in `artifacts/logs`; a part that fails has its log printed at the end. The counts come
from pytest's JUnit files, so that a part which dies before it reports still counts as a failure.

Many tests hold the bounds that the project promises ("Stop ends it within a second") against real kernels, engines and
browsers, and two lanes on two cores can break such a bound by load alone. So up to eight tests that failed are run once
more at the end, by themselves. What passes then is named in the summary as unsteady; what fails again has failed.

    python scripts/run_tests.py            every part
    python scripts/run_tests.py kernel     the named parts only
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
ARTIFACTS = Path(os.environ.get("NBAGENTS_ARTIFACTS", ROOT / "artifacts"))
BIN = Path(sys.executable).parent
HEARTBEAT_SECONDS = 30
MOST_RUN_AGAIN = 8
"""More failures than these are no accident of load."""
TESTS_FAILED = 1, 2
"""What pytest says when tests failed, and `make` when its command did."""

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
    unsteady: list[str] = field(default_factory=list)
    """Tests that passed only when they were run again."""

    def __str__(self) -> str:
        word = "ok    " if self.failed == 0 else "FAILED"
        return f"    {word} {self.part:<10} {self.seconds:6.1f} s   {said([self])}"


def said(outcomes: list[Outcome]) -> str:
    """How many tests passed and failed, in words."""
    passed, failed = sum(o.passed for o in outcomes), sum(o.failed for o in outcomes)
    skipped, unsteady = sum(o.skipped for o in outcomes), sum(len(o.unsteady) for o in outcomes)
    return (
        f"{passed} passed, {failed} failed"
        + (f", {skipped} skipped" if skipped else "")
        + (f" ({unsteady} of those that passed are unsteady)" if unsteady else "")
    )


def log_of(part: str) -> Path:
    return ARTIFACTS / "logs" / f"{part}.log"


def run_part(part: str, name: str = "", options: str = "") -> Outcome:
    """Runs a part to its end and reads what it counted.

    Args:
        name: what it is called in the logs; the part's name unless told.
        options: for pytest.
    """
    name = name or part
    print(f"==> {name}", flush=True)
    junit = ARTIFACTS / "logs" / f"{name}.xml"
    junit.unlink(missing_ok=True)
    told = os.environ.get("PYTEST_ADDOPTS", "")
    options = f"{told} --junitxml={shlex.quote(str(junit))} -o cache_dir={shlex.quote(str(cache_of(part)))} {options}"
    began = time.monotonic()
    with log_of(name).open("w") as log, Heartbeat(name):
        status = subprocess.run(
            PARTS[part], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "PYTEST_ADDOPTS": options}
        ).returncode
    passed, failed, skipped = counts_in(junit)
    if status != 0 and failed == 0:
        failed = 1  # the linter, the type checker, or pytest itself
    if status == 0 and passed == 0:
        passed = 1  # a part that is no pytest run
    outcome = Outcome(name, status, time.monotonic() - began, passed, failed, skipped)
    print(outcome, flush=True)
    return outcome


def cache_of(part: str) -> Path:
    """Where pytest remembers what failed: a place for each part, because two of them run at once."""
    return ARTIFACTS / "cache" / part


def failed_tests(part: str) -> list[str]:
    """The ids of the tests of a part that failed."""
    remembered = cache_of(part) / "v" / "cache" / "lastfailed"
    return list(json.loads(remembered.read_text())) if remembered.exists() else []


def run_again(outcomes: list[Outcome]) -> None:
    """Gives what failed its second try, where that may have been the load."""
    broken = [outcome for outcome in outcomes if outcome.failed]
    if sum(outcome.failed for outcome in broken) > MOST_RUN_AGAIN:
        return
    for outcome in broken:
        tests = failed_tests(outcome.part)
        if outcome.status not in TESTS_FAILED or not 0 < len(tests) <= outcome.failed:
            continue  # not a test, or not only: the linter, the type checker, a part that died
        second = run_part(outcome.part, f"{outcome.part}-again", "--last-failed --last-failed-no-failures=none")
        if second.status == 0 and second.passed == len(tests):
            outcome.passed, outcome.failed, outcome.unsteady = outcome.passed + len(tests), 0, tests


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
    shutil.rmtree(ARTIFACTS / "cache", ignore_errors=True)
    outcomes = run(arguments or list(PARTS))
    run_again(outcomes)
    for outcome in outcomes:
        if outcome.failed or outcome.unsteady:
            print(f"\n----- {outcome.part}: {log_of(outcome.part)}")
            print(log_of(outcome.part).read_text(errors="replace"))
    print("\n" + "\n".join(str(outcome) for outcome in outcomes))
    for outcome in outcomes:
        for test in outcome.unsteady:
            print(f"UNSTEADY: failed at first, passed when run again by itself: {test}")
    summary = said(outcomes)
    (ARTIFACTS / "summary.txt").write_text(summary + "\n")
    print(summary)
    return 1 if any(outcome.failed for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
