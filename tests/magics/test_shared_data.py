"""--use: names, shapes and columns, never rows."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from nbagents.errors import UnknownNameError
from nbagents.magics.shared_data import as_message, describe, shared


def test_a_frame_is_described_by_its_schema_and_no_value_of_it_leaves() -> None:
    frame = pd.DataFrame({"name": ["Maria Planted"], "age": [41], "when": pd.to_datetime(["2020-01-01"])})
    text = as_message(shared(["people"], {"people": frame}))
    assert "`people`: DataFrame with 1 rows and 3 columns: name (String), age (Int64), when (Datetime" in text
    assert "Maria" not in text and "41" not in text and "2020" not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (pd.Series([1.5, 2], name="x"), "Series 'x' of Float64 with 2 values"),
        ([1, 2, 3], "list with 3 elements"),
        ({"secret": 1}, "dict with 1 keys"),
        ("planted", "str"),
        (41, "int"),
        (len, "function len"),
        (None, "NoneType"),
    ],
)
def test_other_values(value: Any, text: str) -> None:
    assert describe(value) == text


def test_a_very_wide_frame_is_cut() -> None:
    assert describe(pd.DataFrame([[0] * 150])).endswith("and 50 more")


def test_an_unknown_variable_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown variable 'pengins': did you mean 'penguins'"):
        shared(["pengins"], {"penguins": 1})
