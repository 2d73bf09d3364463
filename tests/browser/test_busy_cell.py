"""What a model writes, as text or as a call of a tool, is seen to grow while a cell of the user's own computes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.notebook_page import NotebookPage
from tests.kernel.slow_server import SlowServer, slow_server

BUSY = "import time\nend = time.monotonic() + 1.5\nwhile time.monotonic() < end: sum(range(10_000))"
WATCH = """() => {
  const run = document.querySelector('.nbagents-run');
  window.lengths = new Set();
  new MutationObserver(() => window.lengths.add(run.innerText.length)).observe(
    run, { childList: true, subtree: true, characterData: true });
}"""


@pytest.fixture(params=["", "write_report"], ids=["text", "call"])
def server(request: pytest.FixtureRequest) -> Iterator[SlowServer]:
    """A server that writes ten words a second, in a thread of its own: the test's thread drives the browser."""
    ready, end, found = threading.Event(), threading.Event(), list[SlowServer]()

    async def serve() -> None:
        async with slow_server(words=200, pause=0.1, tool=request.param) as script:
            found.append(script)
            ready.set()
            await asyncio.to_thread(end.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    yield found[0]
    end.set()
    thread.join()


@pytest.fixture
def lab_env() -> dict[str, str]:
    return {"OPENAI_API_KEY": "none"}


def test_an_answer_grows_while_a_cell_computes(notebook: NotebookPage, server: SlowServer) -> None:
    notebook.open_notebook(
        [
            "%load_ext nbagents",
            f"%%agent a --model openai/m --base-url {server.url}\nYou write.",
            "%team run a --as r --detach Write many words.",
            BUSY,
            "r.stop()",
        ]
    )
    for index in range(3):
        notebook.run_cell(index)
    widget = notebook.cell(2).locator(".nbagents-run")
    expect(widget).to_contain_text("word2", timeout=20_000)
    if server.tool:
        expect(widget.locator(".nbagents-draft .nbagents-title")).to_have_text(f"tool {server.tool} · a")
        expect(widget.locator(".nbagents-draft pre code")).to_contain_text("word1 word2")
    notebook.page.evaluate(WATCH)
    notebook.run_cell(3)
    grown = notebook.page.evaluate("() => [...window.lengths].length")
    # 15 words came in that time; were they shown when the cell is done, the text would have grown two or three times.
    assert grown >= 10
    notebook.run_cell(4)
