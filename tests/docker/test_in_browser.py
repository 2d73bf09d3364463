"""``code: docker`` as a person sees it: a real engine, a real JupyterLab, a scripted model."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import docker
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from nbagents.executors.docker.container_spec import LABEL
from nbagents.executors.docker.reaper import PROCESS
from tests.browser.conftest import CHROMIUM_ARGUMENTS, find_chromium
from tests.browser.lab_server import LabServer
from tests.browser.notebook_page import ROOT, NotebookPage
from tests.browser.scripted_story import (
    ANALYST,
    CRITIC,
    DATA,
    LOAD,
    RUN,
    TEAM,
    WIDGET_MIME,
    button,
    environment,
)
from tests.browser.test_hostile_output import ATTACK, ATTACKING_CODE, check, requested
from tests.docker.conftest import Engine, soon

DEFINITIONS = [LOAD, DATA, ANALYST.replace("code: live", "code: docker"), CRITIC, TEAM]
RUN_CELL = len(DEFINITIONS)
CHART = """I draw the totals.

```python
import matplotlib.pyplot as plt

total = sales.groupby("region", as_index=False).amount.sum()
plt.figure(figsize=(4, 2.2))
plt.bar(total.region, total.amount)
plt.title("Sales by region")
plt.show()
total
```
"""
ANSWER = "**North** sold most: 300 in all."
ENDLESS = "```python\nopen('started', 'w').close()\nwhile True:\n    pass\n```"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For this module alone: Playwright keeps a loop running, in which the other tests here could not run."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab(engine: Engine, llmock_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    own = {"DOCKER_HOST": engine.host, "PYTHONPATH": str(ROOT)}
    server = LabServer(tmp_path_factory.mktemp("lab"), {**environment(llmock_server), **own})
    yield server
    server.stop()


@pytest.fixture
def notebook(browser: Browser, lab: LabServer, request: pytest.FixtureRequest) -> Iterator[NotebookPage]:
    """A notebook in which the agents and the team are defined."""
    page = NotebookPage(browser, lab)
    try:
        page.open_notebook([*DEFINITIONS, RUN, "import os; os.getpid()", "result.data['total']"])
        for index in range(RUN_CELL):
            page.run_cell(index)
        yield page
        page.screenshot(f"docker-{request.node.name}")
    finally:
        page.close()


def test_a_figure_and_a_frame_from_the_sandbox(notebook: NotebookPage, llmock: Any) -> None:
    llmock.reply(CHART).reply(ANSWER).reply("APPROVED")
    notebook.run_cell(RUN_CELL, wait=False)
    cell = notebook.cell(RUN_CELL)
    expect(button(cell, "Run")).to_be_visible()
    expect(cell).to_contain_text("code: docker ")
    expect(cell).to_contain_text("block 1 · python · docker")
    notebook.screenshot("docker-waiting", cell)
    assert "sandbox of your own, without a network" in str(llmock.last_request.body)
    button(cell, "Run").click()
    notebook.wait_idle()
    expect(cell).to_contain_text("sold most: 300 in all")
    for summary in cell.locator("summary").all():
        if summary.is_visible() and "block 1" in summary.inner_text():
            summary.click()
    expect(cell.locator("img").first).to_be_visible()
    expect(cell.locator("table")).to_contain_text("North")
    expect(cell).to_contain_text("writes total")
    notebook.screenshot("docker-figure-and-frame", cell)
    [output] = notebook.save()["cells"][RUN_CELL]["outputs"]
    assert WIDGET_MIME not in output["data"]
    html = "".join(output["data"]["text/html"])
    assert "<table" in html and "data:image/" in html and "code: docker " in html
    notebook.run_cell(RUN_CELL + 2)
    assert "300" in notebook.cell_output_text(RUN_CELL + 2)


def test_stop_during_an_endless_loop(notebook: NotebookPage, engine: Engine, llmock: Any) -> None:
    notebook.run_cell(RUN_CELL + 1)
    pid = notebook.cell_output_text(RUN_CELL + 1)
    llmock.reply(ENDLESS)
    notebook.run_cell(RUN_CELL, wait=False)
    cell = notebook.cell(RUN_CELL)
    button(cell, "Run").click()
    looping = container_with(engine, pid, "/work/started")
    began = time.monotonic()
    button(cell, "Stop").click()
    notebook.wait_idle()
    assert time.monotonic() - began < 1
    expect(cell).to_contain_text("was stopped by you in turn 1")
    assert soon(lambda: looping not in containers_of(engine, pid))


def test_nothing_hostile_of_the_sandbox_reaches_the_page(notebook: NotebookPage, llmock: Any) -> None:
    attack = ATTACKING_CODE.replace('os.environ["OPENAI_API_KEY"]', '"<script>window.attacked=4</script>"')
    llmock.reply(ATTACK + attack).reply(ATTACK).reply("APPROVED")
    requests = requested(notebook.page)
    notebook.run_cell(RUN_CELL, wait=False)
    cell = notebook.cell(RUN_CELL)
    button(cell, "Run").click()
    notebook.wait_idle()
    expect(cell).to_contain_text("the end of the attack")
    for summary in cell.locator("summary").all():
        if summary.is_visible():
            summary.click()
    check(notebook, requests)
    saved = notebook.save()
    assert "application/javascript" not in [
        kind for each in saved["cells"] for output in each.get("outputs", []) for kind in output.get("data", {})
    ]
    assert "planted" not in json.dumps(saved)
    notebook.reload()
    expect(notebook.cell(RUN_CELL)).to_contain_text("the end of the attack")
    check(notebook, requests)


def containers_of(engine: Engine, pid: str, path: str = "/") -> list[str]:
    """The containers of a kernel in which there is this path."""
    client = docker.DockerClient(base_url=engine.host)
    try:
        found = client.containers.list(filters={"label": LABEL}, ignore_removed=True)
        own = [each for each in found if each.labels.get(PROCESS, "").startswith(f"{pid}:")]
        return [str(each.id) for each in own if path == "/" or each.exec_run(["ls", path]).exit_code == 0]
    finally:
        client.close()


def container_with(engine: Engine, pid: str, path: str) -> str:
    """Wait for it: the engine is another process."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if found := containers_of(engine, pid, path):
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"no container of {pid} has {path}")
