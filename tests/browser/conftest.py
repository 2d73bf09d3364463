"""A real JupyterLab and a real Chromium for the tests in this directory.

    def test_something(notebook):
        notebook.open_notebook(["1 + 1"])
        notebook.run_cell(0)
        assert notebook.cell_output_text(0) == "2"

* `notebook` is a `NotebookPage`: one notebook in a window of its own, for one test. Its methods are its manual.
* `lab_env`: a module that needs variables in the kernel's environment overrides this fixture with a dict of its own.
  Tests with equal `lab_env` share a server; it is started once per session.
* The tests are plain functions, not `async def`: Playwright's synchronous interface keeps a loop running.
* A failed test leaves `artifacts/failed-<test>.png` and `.log`.
* There is no network in the page but the server: every other host name fails to resolve.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.lab_server import LabServer
from tests.browser.notebook_page import NotebookPage

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
FAILED = pytest.StashKey[bool]()


def find_chromium() -> str:
    """Where Chromium is, or an error that says how to get one."""
    for name in (os.environ.get("NBAGENTS_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"):
        if name and (found := shutil.which(name)):
            return found
    raise RuntimeError(
        "no Chromium found: run `make chromium`, or `apt-get install chromium` as root, "
        "or set NBAGENTS_CHROMIUM to its path"
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, headless, for the whole session."""
    executable = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Mapping[str, str]], LabServer]]:
    """Starts a JupyterLab per environment, once each."""
    servers: dict[frozenset[tuple[str, str]], LabServer] = {}

    def lab_with(env: Mapping[str, str]) -> LabServer:
        key = frozenset(env.items())
        if key not in servers:
            servers[key] = LabServer(tmp_path_factory.mktemp("lab"), env)
        return servers[key]

    yield lab_with
    for server in servers.values():
        server.stop()


@pytest.fixture
def lab_env() -> dict[str, str]:
    """Variables for the kernels' environment; override it in a test module."""
    return {}


@pytest.fixture
def lab(labs: Callable[[Mapping[str, str]], LabServer], lab_env: dict[str, str]) -> LabServer:
    """The JupyterLab server of this test."""
    return labs(lab_env)


@pytest.fixture
def notebook(request: pytest.FixtureRequest, browser: Browser, lab: LabServer) -> Iterator[NotebookPage]:
    """A notebook page for one test."""
    page = NotebookPage(browser, lab)
    yield page
    try:
        if request.node.stash.get(FAILED, False):
            page.write_trace(f"failed-{request.node.name}")
    finally:
        page.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Lets the fixtures know that their test failed."""
    report = yield
    if report.when == "call" and report.failed:
        item.stash[FAILED] = True
    return report
