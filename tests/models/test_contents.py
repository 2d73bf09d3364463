"""The content of messages as text, and the JSON in an answer."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image as PILImage
from pydantic import BaseModel

from nbagents.image import Image
from nbagents.models import FunctionCall
from nbagents.models.contents import content_to_str, extract_json_from_str


class Point(BaseModel):
    x: int


@pytest.mark.parametrize(("content", "text"), [
    ("a", "a"),
    (["a", Image(PILImage.new("RGB", (1, 1))), "b"], "a\n<image>\nb"),
    ([FunctionCall("1", "{}", "f"), FunctionCall("2", "{}", "g")],
     "FunctionCall(id='1', arguments='{}', name='f')\nFunctionCall(id='2', arguments='{}', name='g')"),
    (Point(x=1), '{"x":1}'),
])  # fmt: skip
def test_contents_are_told_in_lines(content: Any, text: str) -> None:
    assert content_to_str(content) == text


@pytest.mark.parametrize(("content", "found"), [
    ('{"a": 1}', [{"a": 1}]),
    ('so ```json\n{"a": 1}\n``` and ```\n{"b": 2}\n```', [{"a": 1}, {"b": 2}]),
    ('```JSON\n{"a":\n1}\n```', [{"a": 1}]),
])  # fmt: skip
def test_json_is_found_in_fences_or_alone(content: str, found: list[dict[str, Any]]) -> None:
    assert extract_json_from_str(content) == found


@pytest.mark.parametrize(("content", "says"), [("```python\nx\n```", "found language: python"), ("nothing", "value")])
def test_what_is_no_json_is_an_error(content: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        extract_json_from_str(content)
