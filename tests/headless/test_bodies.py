"""What is typed is what the model is told: nothing in a body is interpolated, stripped or taken for a command."""

from __future__ import annotations

from typing import Any

import pytest

from tests.headless.kernels import Headless

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODIES = {
    "braces": "Replace {name} and {} and {{x}}, {0!r:>10} and ${HOME} $HOME $1.",
    "f-string": "f'{1/0}' and f\"{undefined!r}\"",
    "latex": r"$\frac{a}{b}$ and $$\sum_{i=1}^{n} x_i$$ \begin{align}a &= b\\\end{align}",
    "rule": "First part.\n---\nkey: [not yaml\n---\nSecond part.",
    "quotes": 'It\'s "quoted" \'\'\'triple\'\'\' """triple""" `tick` and \\\' \\" \\n \\t \\\\ at the end \\',
    "unicode": "naïve Ärger 中文 עברית 🧑🏽\u200d🔬 \u00a0\u2028 e\u0301 \ufeff",
    "commands": "%ls\n!rm -rf x\n?help\nhelp?\n%%bash\n%team stop\n/quit\n,join\n;print\n@decorator\n# comment",
    "prompts": ">>> 1 + 1\n2\n>>> 2 + 2\n... x\nIn [1]: df\nOut[1]: 3",
    "spaces": "  indented\n\n\ttabbed\n   \n    and more  \nend",
    "html": "<script>alert(1)</script> & <b>bold</b> &amp; <!-- -->",
    "question": "Why did it rise?",
    "flags": "--approve always --as x\n-- y",
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_task_arrives_as_it_was_typed(headless: Headless, llmock: Any, name: str) -> None:
    await headless.runs(f"%%team run writer --as body\n{BODIES[name]}")
    assert llmock.last_request.body["messages"][-1] == {"role": "user", "name": "user", "content": BODIES[name]}
    assert await headless.value("body.messages[0].content") == BODIES[name]


@pytest.mark.parametrize("name", BODIES)
async def test_instructions_arrive_as_they_were_typed(headless: Headless, llmock: Any, name: str) -> None:
    front_matter = "---\nmodel: openai/scripted\n---\n"
    await headless.runs(f"%%agent told\n{front_matter}{BODIES[name]}", "%team run told Go.")
    assert llmock.last_request.body["messages"][0] == {"role": "system", "content": BODIES[name].strip()}


@pytest.mark.parametrize(
    "text",
    ["{name} $HOME {{x}}", r"$\frac{a}{b}$", 'it\'s "so"', "(unclosed [here", "Why?", "a -- b --as c", "50 % of !all"],
)
async def test_a_task_on_the_line_arrives_as_it_was_typed(headless: Headless, llmock: Any, text: str) -> None:
    await headless.runs(f"%team run writer --as line {text}")
    assert llmock.last_request.body["messages"][-1] == {"role": "user", "name": "user", "content": text}
