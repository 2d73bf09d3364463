"""What is run is exactly what the reader is shown as code."""

from __future__ import annotations

import pytest

from nbagents.executors import extract_code_blocks
from nbagents.executors.fenced_code import blocks_of_message


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("```python\nx = 1\n```", ["x = 1"]),
        ("```\nx = 1\n```", ["x = 1"]),
        ("```py\nx\n```\ntext\n```Python3\ny\n```", ["x", "y"]),
        ("~~~python\nx\n~~~", ["x"]),
        ("1. first\n   ```python\n   if x:\n       y\n   ```\n", ["if x:\n    y"]),
        ("````python\ns = '''\n```\n'''\n````", ["s = '''\n```\n'''"]),
        ("> ```python\n> x\n> ```", ["x"]),
        ("<details open>\n```python\nx\n```\n", ["x"]),
        ("<!-- ```python\nx\n``` -->", []),
        ("page\x0cbreak \u2028 and\r\nmore\r\n```python\r\nx\r\n```\r\n", ["x"]),
        ("```json\n{}\n```", []),
        ("```bash\nls\n```", []),
        ("inline `x = 1` only", []),
        ("    x = 1", []),
        ("", []),
    ],
)
def test_closed_fences_of_python_are_found(markdown: str, expected: list[str]) -> None:
    blocks = extract_code_blocks(markdown)
    assert [block.code for block in blocks] == expected
    assert all(block.language == "python" for block in blocks)


@pytest.mark.parametrize(
    "markdown", ["```python\nimport os\nos.remo", "```python", "so:\n```", "text\n```python\nx = 1\n"]
)
def test_a_block_that_was_cut_off_is_not_run(markdown: str) -> None:
    assert extract_code_blocks(markdown) == []


def test_other_languages_are_found_when_asked_for() -> None:
    [block] = extract_code_blocks("```sh\nls\n```", languages=("sh",))
    assert (block.language, block.code) == ("sh", "ls")


INDENTED = """Here it is
        ```python
        if x:
            y
        ```
        That is all.
        """


@pytest.mark.parametrize(
    "content", [INDENTED, f"        {INDENTED}", "if x:\n\n```python\nif x:\n    y\n```\n    ```python\nz\n```"]
)
def test_a_message_that_stands_as_far_in_as_its_program_has_code(content: str) -> None:
    [block] = blocks_of_message(content)
    assert block.code == "if x:\n    y"


@pytest.mark.parametrize("content", ["x = 1", "    x = 1", "        ```python\n        x = 1", ""])
def test_a_message_without_closed_fences_has_none(content: str) -> None:
    assert blocks_of_message(content) == []
