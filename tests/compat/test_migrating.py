"""`docs/migrating.md` is held to the code: its tests exist, and what nbagents lacks stands there and in the table."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from nbagents.autogen_names import HERE, LACKING
from tests.house.imports import ROOT

PAGE = (ROOT / "docs" / "migrating.md").read_text("utf-8")
TESTS = set(re.findall(r"`(test_\w+)`", PAGE))


def defined() -> Iterator[str]:
    for file in (ROOT / "tests").rglob("test_*.py"):
        yield from re.findall(r"^\s*(?:async )?def (test_\w+)\(", file.read_text("utf-8"), re.M)


def test_the_tests_that_the_page_names_exist() -> None:
    assert TESTS
    assert not TESTS - set(defined())


def test_every_row_of_what_is_better_names_its_test() -> None:
    better = PAGE.partition("## What is better here")[2].partition("## What is missing")[0]
    rows = [line for line in better.splitlines() if line.startswith("| ") and "| Test |" not in line]

    assert rows
    assert not [row for row in rows if not re.search(r"`test_\w+` \|$", row)]


@pytest.mark.parametrize("module", LACKING)
def test_what_is_missing_stands_on_the_page(module: str) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{module}` |") and "nbagents." not in line)

    assert re.findall(r"`(\w+)`", row.split("|")[2]) == LACKING[module].split()


def test_what_is_missing_is_not_said_to_be_here() -> None:
    for module, words in LACKING.items():
        here = {word.partition("=")[0] for place in HERE.get(module, {}).values() for word in place.split()}
        assert not here & set(words.split()), module
