"""Front matter: what belongs to it, where its errors are, and bodies that pass through unchanged."""

from __future__ import annotations

import pytest

from nbagents.errors import FrontMatterError
from nbagents.magics.front_matter import parse, split
from nbagents.magics.spec_values import AGENT_KEYS, TEAM_KEYS


@pytest.mark.parametrize(
    "body",
    [
        "Plain.\n",
        "A {dict} and {} and {{x}} and %s and $var\n",
        "LaTeX: $\\frac{a}{b}$ \\(x\\) \\[y\\]\n",
        "text first\n---\nmodel: no\n---\n",
        "a\n\n---\n\nb\n",
        "",
    ],
)
def test_a_body_without_front_matter_is_unchanged(body: str) -> None:
    assert split(body) == ("", body, 2)


def test_front_matter_is_split_off_and_later_rules_stay() -> None:
    yaml, text, line = split("---\nmodel: local/x\n---\nOne.\n---\nTwo {x}.\n")
    assert (yaml, text, line) == ("model: local/x\n", "One.\n---\nTwo {x}.\n", 3)


def test_blank_lines_before_it_count_for_its_place() -> None:
    assert split("\n\n---\na: 1\n---\n")[2] == 5


def test_front_matter_that_is_never_closed() -> None:
    with pytest.raises(FrontMatterError, match=r"line 2, column 1: .*never closed"):
        split("---\nmodel: x\ntext\n")


def test_yaml_is_read_as_yaml_1_2() -> None:
    assert parse("stop: on\nagents: [yes, no]\n", 2, TEAM_KEYS) == {"stop": "on", "agents": ("yes", "no")}


def test_bad_yaml_names_line_and_column_of_the_cell() -> None:
    with pytest.raises(FrontMatterError, match=r"^line 4, column \d+: not YAML") as caught:
        parse("model: local/x\ncode: [live\n", 3, AGENT_KEYS)
    assert "\n" not in str(caught.value)


def test_an_unknown_key_names_the_nearest_and_its_place() -> None:
    with pytest.raises(FrontMatterError, match="line 4, column 1: unknown key 'modl': did you mean 'model'"):
        parse("code: live\nmodl: x\n", 3, AGENT_KEYS)


def test_a_wrong_value_names_its_place() -> None:
    with pytest.raises(FrontMatterError, match="line 3, column 7: code: unknown value 'liv': did you mean 'live'"):
        parse("code: liv\n", 3, AGENT_KEYS)


@pytest.mark.parametrize("yaml", ["- a\n- b\n", "just words\n"])
def test_yaml_that_is_no_mapping(yaml: str) -> None:
    with pytest.raises(FrontMatterError, match="line 2, column 1: expected lines of the form `key: value`"):
        parse(yaml, 2, TEAM_KEYS)


@pytest.mark.parametrize(
    ("yaml", "text"),
    [
        ("max_turns: 0", "at least 1"),
        ("max_turns: x", "at least 1"),
        ("max_turns: yes", "at least 1"),
        ("agents: 3", "list of names"),
    ],
)
def test_checked_values(yaml: str, text: str) -> None:
    with pytest.raises(FrontMatterError, match=text):
        parse(yaml, 2, TEAM_KEYS)
