"""The runner of the whole suite: what a second try may mend, and that it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import run_tests

UNSTEADY = """
from pathlib import Path
def test_first_time_unlucky():
    flag = Path(__file__).with_suffix(".flag")
    was_there = flag.exists()
    flag.touch()
    assert was_there
def test_steady():
    pass
"""
WRONG_CLEAN_UP = """
import pytest
@pytest.fixture(autouse=True)
def clean_up():
    yield
    flag = Path(__file__).with_suffix(".clean")
    was_there = flag.exists()
    flag.touch()
    assert was_there
"""
WRONG = "def test_wrong_{}():\n    assert False\n"


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose tests are the whole suite."""
    monkeypatch.setattr(run_tests, "ARTIFACTS", tmp_path / "artifacts")
    monkeypatch.setattr(
        run_tests, "PARTS", {"some": [str(run_tests.BIN / "pytest"), "-p", "no:xdist", str(tmp_path / "suite")]}
    )
    monkeypatch.setattr(run_tests, "WAVES", [["some"]])
    monkeypatch.setenv("PYTEST_ADDOPTS", "")
    (tmp_path / "suite").mkdir()
    return tmp_path / "suite"


def test_a_test_that_passes_the_second_time_is_named(part: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (part / "test_unsteady.py").write_text(UNSTEADY)
    assert run_tests.main([]) == 0
    out = capsys.readouterr().out
    assert "UNSTEADY: " in out
    assert "test_first_time_unlucky" in out.partition("UNSTEADY: ")[2]
    assert out.splitlines()[-1] == "2 passed, 0 failed (1 of those that passed are unsteady)"


def test_a_test_whose_clean_up_fails_as_well_is_one_test(part: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (part / "test_unsteady.py").write_text(UNSTEADY.partition("def test_steady")[0] + WRONG_CLEAN_UP)
    assert run_tests.main([]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 0 failed (1 of those that passed are unsteady)"


def test_what_fails_twice_has_failed(part: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (part / "test_wrong.py").write_text(WRONG.format(1))
    (part / "test_unsteady.py").write_text(UNSTEADY)
    assert run_tests.main([]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 2 failed"


def test_many_failures_get_no_second_try(part: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (part / "test_wrong.py").write_text("".join(WRONG.format(number) for number in range(9)))
    assert run_tests.main([]) == 1
    assert "some-again" not in capsys.readouterr().out
