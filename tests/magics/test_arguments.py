"""The line of a magic: flags, words, and free text exactly as it was typed."""

from __future__ import annotations

import pytest

from nbagents.errors import ConfigurationError, UnknownNameError
from nbagents.magics.agent_magic import AGENT
from nbagents.magics.team_commands import CREATE, RUN


def test_words_flags_and_the_rest() -> None:
    found = RUN.parse("churn_team --as churn --use df,prices --detach Why did churn rise?")
    assert found.words == ["churn_team"]
    assert found.values == {"as": "churn"}
    assert found.names == {"use": ["df", "prices"]}
    assert found.switches == {"detach"}
    assert found.rest == "Why did churn rise?"


def test_a_flag_without_its_value_shows_one() -> None:
    with pytest.raises(ConfigurationError, match=r"--budget needs a value: --budget 0\.50usd,12turns"):
        RUN.parse("churn_team --budget")


def test_a_switch_takes_no_value() -> None:
    with pytest.raises(ConfigurationError, match="--detach takes no value: write --detach alone"):
        RUN.parse("churn_team --detach=no Why?")


@pytest.mark.parametrize(
    "task",
    [
        "don't ask",
        'say "hello" twice',
        "a {dict: 1} and $x^2$ --- and {}",
        "what does --approve do?",
        "two  spaces",
        "ends with a backslash \\",
        "größer 北京 🐧",
    ],
)
def test_the_task_is_not_touched(task: str) -> None:
    assert RUN.parse(f"team --as x {task}").rest == task


def test_quotes_around_values_are_taken_off() -> None:
    assert AGENT.parse('a --model "local/my model.gguf"').values == {"model": "local/my model.gguf"}
    assert AGENT.parse("a --model=local/x").values == {"model": "local/x"}


def test_a_repeated_flag_adds_names() -> None:
    assert RUN.parse("t --use a --use b task").names == {"use": ["a", "b"]}


def test_unknown_flags_name_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown flag '--aprove': did you mean '--approve'"):
        RUN.parse("t --aprove ask x")


def test_a_wrong_value_names_the_right_ones() -> None:
    with pytest.raises(UnknownNameError, match="unknown value of --approve 'alwys': did you mean 'always'"):
        RUN.parse("t --approve alwys x")


@pytest.mark.parametrize("line", ["", "--code live"])
def test_a_missing_name_shows_the_usage(line: str) -> None:
    with pytest.raises(ConfigurationError, match=r"%%agent NAME: NAME is missing; usage: %%agent NAME \[--model"):
        AGENT.parse(line)


def test_a_missing_value() -> None:
    with pytest.raises(ConfigurationError, match="--model needs a value"):
        AGENT.parse("a --model")


def test_a_word_too_many() -> None:
    with pytest.raises(ConfigurationError, match="'b' is one word too many"):
        AGENT.parse("a b")


def test_more_words() -> None:
    assert CREATE.parse("t a b --stop OK c").words == ["t", "a", "b", "c"]
