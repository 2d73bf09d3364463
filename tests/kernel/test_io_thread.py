"""A stream goes on, and goes on being shown, while a cell keeps the main thread busy."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.kernel.notebook import Notebook
from tests.kernel.slow_server import slow_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

BUSY = {
    "computing": "import time\nend = time.monotonic() + 1.5\nwhile time.monotonic() < end: sum(range(10_000))",
    "sleeping": "import time; time.sleep(1.5)",
}


async def started(notebook: Notebook, url: str, name: str) -> str:
    """Start a detached run that asks the server at `url`, open a view of it, and return the widget's comm."""
    loaded = await notebook.run(
        "import os; os.environ['OPENAI_API_KEY'] = 'none'\n"
        "get_ipython().run_line_magic('load_ext', 'nbagents')\n"
        f"get_ipython().run_cell_magic('agent', 'a --model openai/m --base-url {url}', 'Write.')"
    )
    assert not loaded.errors, loaded.errors
    notebook.comms.clear()
    run = await notebook.run(f"%team run a --as {name} --detach Write many words.")
    assert not run.errors, run.errors
    opened = await notebook.comm_message("comm_open")
    while "_anywidget_id" not in str(opened["content"]["data"]):  # its layout and style come first
        opened = await notebook.comm_message("comm_open")
    comm: str = opened["content"]["comm_id"]
    notebook.send_comm(comm, {"method": "custom", "content": {"t": "hello", "view": "v"}})
    return comm


async def text_shown(notebook: Notebook, comm: str) -> str:
    """The next piece of the draft that the kernel sends to the view."""
    while True:
        message = await notebook.comm_message("comm_msg", comm)
        content = message["content"]["data"].get("content", {})
        pieces = [op.get("tail") or op.get("item", {}).get("tail") or "" for op in content.get("ops", [])]
        if any(pieces):
            return "".join(pieces)


@pytest.mark.parametrize("kind", BUSY)
async def test_tokens_are_shown_while_a_cell_is_busy(notebook: Notebook, kind: str) -> None:
    async with slow_server(words=60, pause=0.1) as server:
        comm = await started(notebook, server.url, f"r_{kind}")
        await text_shown(notebook, comm)  # the answer has begun
        busy = notebook.start_cell(BUSY[kind])
        shown: list[str] = []

        async def watch() -> None:
            while True:
                shown.append(await text_shown(notebook, comm))

        began = time.monotonic()
        watching = asyncio.create_task(watch())
        await busy.replied.wait()
        during = list(shown)
        watching.cancel()
        assert 1.4 < time.monotonic() - began < 5
        # 15 pauses fit into the cell's time; nothing of this is sent while only the main loop reads.
        assert len(during) >= 10, during
        assert during[-1].count("word") > during[0].count("word")
        await notebook.run(f"r_{kind}.stop()")
        async with asyncio.timeout(2):
            await server.left.wait()


async def test_what_was_shown_early_is_not_shown_twice(notebook: Notebook) -> None:
    async with slow_server(words=12, pause=0.02) as server:
        comm = await started(notebook, server.url, "r_once")
        await notebook.run("import time; time.sleep(0.5)")
        ended: dict[str, Any] = await notebook.value("await r_once\nimport json\nprint(json.dumps(r_once.answer))")
        assert str(ended).count("word") == 12
        drafts = [
            op for message in notebook.comms["comm_msg"] if message["content"]["comm_id"] == comm
            for op in message["content"]["data"].get("content", {}).get("ops", []) if op["op"] == "text"
        ]  # fmt: skip
        assert all(op["tail"].count("word5 ") <= 1 for op in drafts)


async def test_stop_closes_the_connection_while_the_stream_goes_on(notebook: Notebook) -> None:
    async with slow_server(words=1000, pause=0.05) as server:
        comm = await started(notebook, server.url, "r_stop")
        await text_shown(notebook, comm)
        began = time.monotonic()
        await notebook.run("r_stop.stop()")
        async with asyncio.timeout(5):
            await server.left.wait()
        assert time.monotonic() - began < 1
