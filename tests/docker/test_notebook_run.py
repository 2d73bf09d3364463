"""``code: docker`` in a notebook: a container for each agent, data in, results out, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import docker
import pytest
import pytest_asyncio

from nbagents.executors.docker.container_spec import LABEL
from nbagents.executors.docker.reaper import PROCESS
from tests.browser.lab_server import isolated_environment
from tests.docker.conftest import Engine, soon
from tests.headless.kernels import Headless, kernel_spec
from tests.kernel.notebook import ROOT, Notebook
from tests.widgets.dom import Page

pytestmark = pytest.mark.asyncio(loop_scope="module")

AGENTS = [
    "%load_ext nbagents",
    "import pandas as pd\ndf = pd.DataFrame({'month': ['May', 'June'], 'churn': [3, 5]})",
    "%%agent analyst --model openai/scripted --code docker\nYou compute.",
    "%%agent other --model openai/scripted --code docker\nYou compute, too.",
    "%%agent plain --model openai/scripted\nYou say nothing of code.",
    "%%agent open\n---\nmodel: openai/scripted\ncode: docker\nsandbox: {memory: 3g, network: bridge}\n---\nYou.",
    "%team create pair analyst other --max-turns 2",
]
BLOCK = "I compute.\n\n```python\n{}\n```\n"
HOSTILE = (
    "from IPython.display import HTML, Javascript, display\n"
    "display(HTML('<img src=x onerror=alert(1)><script>alert(2)</script><b>bold</b>'))\n"
    "display(Javascript('alert(3)'))\nprint('shown')"
)


@pytest.fixture(scope="module")
def environment(engine: Engine, llmock_server: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    directory = tmp_path_factory.mktemp("jupyter")
    kernel_spec(sys.executable, directory)
    own = {
        "OPENAI_BASE_URL": llmock_server.base_url("openai"),
        "OPENAI_API_KEY": "sk-planted-on-the-host",
        "DOCKER_HOST": engine.host,
        "PYTHONPATH": str(ROOT),
        "MPLCONFIGDIR": str(directory),
    }
    return isolated_environment(directory, own)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def notebook(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Headless]:
    started = await Headless.start(sys.executable, tmp_path_factory.mktemp("docker"), environment)
    try:
        await started.runs(*AGENTS)
        yield started
    finally:
        await started.stop()


@contextmanager
def containers_of(engine: Engine, pid: int) -> Iterator[list[Any]]:
    """The containers that a kernel has now; others may use the engine as well."""
    client = docker.DockerClient(base_url=engine.host)
    try:
        found = client.containers.list(filters={"label": LABEL}, ignore_removed=True)
        yield [each for each in found if each.labels.get(PROCESS, "").startswith(f"{pid}:")]
    finally:
        client.close()


def ids(engine: Engine, pid: int) -> set[str]:
    with containers_of(engine, pid) as found:
        return {str(each.id) for each in found}


def ids_with(engine: Engine, pid: int, path: str) -> set[str]:
    """Those in which a file is there."""
    with containers_of(engine, pid) as found:
        return {str(each.id) for each in found if each.exec_run(["ls", path]).exit_code == 0}


async def run(notebook: Headless, llmock: Any, code: str, name: str, flags: str = "", agent: str = "analyst") -> str:
    """One block of one agent and an answer; the run's saved HTML."""
    llmock.reply(BLOCK.format(code)).reply("That is the answer.")
    cell = await notebook.runs(f"%team run {agent} --approve always --as {name} {flags} How many?")
    [output] = cell.outputs
    return str(output["data"]["text/html"])


async def test_a_block_runs_in_a_container_and_the_run_says_where(notebook: Headless, llmock: Any) -> None:
    html = await run(
        notebook, llmock, "import os, socket\nprint(os.getcwd(), socket.gethostname(), os.getuid())", "first"
    )
    assert "/work sandbox 1000" in html
    assert "code: docker " in html and "image nbagents-sandbox:" in html
    entry = await notebook.value("first.journal.entries[0]")
    assert entry["settings"]["code"] == "docker"
    assert [digest.startswith("sha256:") for digest in entry["settings"]["images"].values()] == [True]
    told = await notebook.value("[e['request']['target'] for e in first.journal.entries if e.get('kind') == 'code']")
    assert told == ["docker"]


async def test_data_goes_in_by_value_and_results_come_out(notebook: Headless, llmock: Any) -> None:
    code = "df['rate'] = df.churn / 100\nmonthly = df.groupby('month').rate.mean()\n"
    code += "import math\ntotal = 8\nprint(df.shape)"
    html = await run(notebook, llmock, code, "second", "--use df")
    assert "(2, 3)" in html
    assert "writes monthly, total" in html
    assert await notebook.value("list(df.columns)") == ["month", "churn"]  # the sandbox had a copy
    assert await notebook.value("second.data['monthly'].to_dict()") == {"June": 0.05, "May": 0.03}
    assert await notebook.value("[second.data['total'], 'monthly' in globals(), sorted(second.data)]") == [
        8, False, ["math", "monthly", "total"],
    ]  # fmt: skip
    cell = await notebook.run("second.data['math']")
    assert "module" in cell.one_line_error("ExecutionUnavailable")
    cell = await notebook.run("second.data['monthli']")
    assert "did you mean 'monthly'" in cell.one_line_error("UnknownNameError")
    cell = await notebook.run("second.undo()")
    assert "none of its code ran in this kernel" in cell.one_line_error("ExecutionUnavailable")


async def test_agents_do_not_share_a_container_and_none_is_left(
    notebook: Headless, llmock: Any, engine: Engine
) -> None:
    llmock.reply(BLOCK.format("mine = 1\nprint('mine')")).reply("One.")
    llmock.reply(BLOCK.format("print('mine' in globals(), df.shape)")).reply("Two.")
    cell = await notebook.runs("%team run pair --approve always --as both --use df Compare.")
    assert "False (2, 2)" in cell.text
    assert soon(lambda: len(ids(engine, notebook.pid)) <= 1)  # one is kept ready
    assert await notebook.value("both.data['mine']") == 1


async def test_a_new_container_gets_the_data_again(notebook: Headless, llmock: Any) -> None:
    llmock.reply(BLOCK.format("lost = 1\nimport os; os._exit(3)")).reply(
        BLOCK.format("print(df.shape, 'lost' in dir())")
    )
    llmock.reply("Done.")
    cell = await notebook.runs("%team run analyst --approve always --as again --use df Try.")
    assert "exited with code 3" in cell.text
    assert "(2, 2) False" in cell.text
    assert await notebook.value("list(again.data)") == []


async def test_a_paused_run_keeps_its_container_and_goes_on_in_it(
    notebook: Headless, llmock: Any, engine: Engine
) -> None:
    llmock.reply(BLOCK.format("import random\nkept = random.random()\nopen('here', 'w').close()")).reply("One.")
    flags = "--approve always --as held --budget 1turn"
    cell = await notebook.run(f"%team run pair {flags} --use df Count.")
    assert "%team resume held" in cell.one_line_error("BudgetReached")
    before = ids_with(engine, notebook.pid, "/work/here")
    assert len(before) == 1
    kept = await notebook.value("held.data['kept']")
    llmock.reply("Two.")  # of the other agent, which may take the last turn of the team
    await notebook.runs("%team resume held --budget +5turns")
    assert await notebook.value("[held.status, held.data['kept']]") == ["done", kept]
    assert soon(lambda: not before & ids(engine, notebook.pid))


async def test_a_paused_run_that_is_stopped_gives_its_container_back(
    notebook: Headless, llmock: Any, engine: Engine
) -> None:
    llmock.reply(BLOCK.format("open('here', 'w').close()")).reply("One.")
    await notebook.run("%team run pair --approve always --as given --budget 1turn Count.")
    before = ids_with(engine, notebook.pid, "/work/here")
    await notebook.runs("given.stop()\ntry:\n    await given\nexcept Exception as error:\n    print(error)")
    assert before and soon(lambda: not before & ids(engine, notebook.pid))


async def test_what_ran_in_a_container_that_is_gone_is_run_once_more(notebook: Headless, llmock: Any) -> None:
    await notebook.runs("%team create once analyst --max-turns 3")
    llmock.reply(BLOCK.format("n = len(df)\nprint('first')")).reply("One.").reply(BLOCK.format("1 / 0")).reply("Two.")
    await notebook.run("%team run once --approve always --as renewed --budget 2turns --use df Count.")
    await notebook.runs("renewed.stop()\ntry:\n    await renewed\nexcept Exception as error:\n    print(error)")
    llmock.reply(BLOCK.format("print('n is', n)")).reply("Two it is.")
    cell = await notebook.runs("%team resume renewed --budget +5turns")
    assert "n is 2" in cell.text
    assert "run once more in new containers: 1 block of analyst" in cell.text
    assert await notebook.value("renewed.data['n']") == 2
    resumed = await notebook.value("[e for e in renewed.journal.entries if e['type'] == 'resumed']")
    assert [entry["again"] for entry in resumed] == [{"analyst": 1}]


async def test_what_cannot_be_copied_is_said_before_anything_runs(notebook: Headless, llmock: Any) -> None:
    await notebook.runs("def secret_formula(): ...")
    cell = await notebook.run("%team run analyst --use secret_formula --as never Try.")
    assert "secret_formula" in cell.one_line_error("TransferError")


async def test_where_nobody_says_it_code_runs_in_docker(notebook: Headless, llmock: Any) -> None:
    html = await run(notebook, llmock, "print(6 * 7)", "default", agent="plain")
    assert "code: docker " in html and "42" in html
    shown = await notebook.runs("%agents plain")
    assert "code: docker if it is there" in shown.text


async def test_the_doctor_knows_the_engine_the_image_and_the_ready_containers(notebook: Headless, llmock: Any) -> None:
    await run(notebook, llmock, "print(1)", "before_doctor")
    shown = (await notebook.runs("%agents doctor")).text
    lines = {line.split()[1]: line for line in shown.splitlines()[1:]}
    for name in ("docker", "image", "sandboxes"):
        assert lines[name].startswith("ok"), lines[name]
    assert "sha256:" in lines["image"]
    assert "of which this kernel keeps" in lines["sandboxes"]


async def test_what_is_looser_is_on_the_card_and_in_the_run(notebook: Headless, llmock: Any) -> None:
    card = await notebook.runs("%agents open")
    assert "network bridge: code can send what it sees to other machines" in card.text
    assert "memory 3g instead of 2g" in card.text
    llmock.reply("No code.")
    cell = await notebook.runs("%team run open --approve always --as loose Say.")
    for text in cell.displays[0].values():
        assert "open: network bridge: code can send what it sees to other machines" in text


async def test_hostile_output_is_cleaned(notebook: Headless, llmock: Any) -> None:
    html = await run(notebook, llmock, HOSTILE, "hostile")
    assert "<b>bold</b>" in html and "shown" in html
    elements = Page(html).elements
    assert not {"script", "img"} & {tag for tag, _ in elements}
    assert not [name for _, attributes in elements for name in attributes if name.startswith("on")]
    assert '"application/javascript"' not in await notebook.saved()


async def test_figures_and_frames_are_in_the_saved_notebook(notebook: Headless, llmock: Any) -> None:
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()\ndf.assign(double=df.churn * 2)"
    html = await run(notebook, llmock, code, "figure", "--use df")
    assert "data:image/" in html
    assert "<table" in html and "double" in html


async def test_the_hosts_environment_is_not_there(notebook: Headless, llmock: Any) -> None:
    html = await run(
        notebook, llmock, "import os\nprint(sorted(os.environ))\nprint('planted' in str(os.environ))", "env"
    )
    assert "OPENAI_API_KEY" not in html.partition("output")[2]
    assert "False" in html


async def test_without_an_engine_docker_is_an_error_and_the_default_is_none(
    environment: dict[str, str], llmock: Any, tmp_path: Path
) -> None:
    gone = {**environment, "DOCKER_HOST": f"unix://{tmp_path}/gone.sock"}
    notebook = await Headless.start(sys.executable, tmp_path, gone)
    try:
        await notebook.runs(*AGENTS)
        cell = await notebook.run("%team run analyst --as never Say.")
        said = cell.one_line_error("SandboxUnavailable")
        assert "no Docker Engine answers at unix://" in said and "nbagents doctor" in said
        llmock.reply("```python\nprint('not run')\n```")
        html = (await notebook.runs("%team run plain --as default Say.")).displays[0]["text/html"]
        assert "code: none (no Docker Engine answers" in html and "nbagents doctor" in html
        cell = await notebook.run("%team run plain --code docker --as never Say.")
        assert "no Docker Engine answers" in cell.one_line_error("SandboxUnavailable")
    finally:
        await notebook.stop()


async def test_without_the_image_docker_is_an_error(environment: dict[str, str], tmp_path: Path) -> None:
    notebook = await Headless.start(sys.executable, tmp_path, environment)
    try:
        await notebook.runs(
            *AGENTS, "%%agent own --model openai/x --code docker\n---\nsandbox: {image: no-such:1}\n---\nx"
        )
        cell = await notebook.run("%team run own --as never Say.")
        assert "'no-such:1' is not on the Docker Engine" in cell.one_line_error("SandboxImageMissing")
    finally:
        await notebook.stop()


async def test_stop_ends_an_endless_block_and_its_container(
    environment: dict[str, str], engine: Engine, llmock: Any, tmp_path: Path
) -> None:
    """■ is Stop: within a second the cell has ended and the kernel is free; the container is gone as well."""
    with patch.dict(os.environ, environment, clear=True):
        notebook = await Notebook.start(sys.executable, tmp_path)
    try:
        for cell in AGENTS:
            assert not (await notebook.run(cell)).errors
        pid = notebook.manager.provisioner.pid
        llmock.reply(BLOCK.format("open('started', 'w').close()\nkept = 1\nwhile True: pass"))
        run = notebook.start_cell("%team run analyst --approve always --as endless Loop.", allow_stdin=False)
        async with asyncio.timeout(20):
            while not (looping := await asyncio.to_thread(ids_with, engine, pid, "/work/started")):
                await asyncio.sleep(0.1)
        pressed = time.monotonic()
        await notebook.interrupt()
        await run.ends()
        assert time.monotonic() - pressed < 1
        assert run.errors[0]["ename"] == "RunStopped"
        assert soon(lambda: not looping & ids(engine, pid))
        gone = await notebook.run("endless.data['kept']")
        assert gone.errors
    finally:
        await notebook.stop()
