"""Loading, reloading and unloading the extension, and which setting wins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.headless.conftest import AGENTS, PLANTED
from tests.headless.kernels import Headless, model_is_asked
from tests.kernel.notebook import Notebook

pytestmark = pytest.mark.asyncio(loop_scope="module")

WATCH = """
import sys
SOCKETS = []

def watch(event, arguments):
    if event in ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen"):
        SOCKETS.append((event, repr(arguments[1:])))

sys.addaudithook(watch)
"""

REGISTERED = """
def registered():
    shell = get_ipython()
    manager = shell.input_transformer_manager
    return {
        "magics": {kind: sorted(known) for kind, known in shell.magics_manager.magics.items()},
        "transformers": [len(manager.cleanup_transforms), len(manager.line_transforms),
                         len(manager.token_transformers), len(shell.input_transformers_post)],
        "matchers": len(shell.Completer.custom_matchers),
        "settings": [type(one).__name__ for one in shell.configurables].count("NBAgents"),
        "events": {name: len(callbacks) for name, callbacks in shell.events.callbacks.items()},
    }
before = registered()
"""


@pytest.fixture(scope="module")
def planted(llmock_server: Any) -> dict[str, str]:
    return {"OPENAI_BASE_URL": llmock_server.base_url("openai"), "NBAGENTS_MODEL": "openai/of-environment", **PLANTED}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bare(
    python: str, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Headless]:
    """A notebook in which nothing was loaded yet."""
    notebook = await Headless.start(python, tmp_path_factory.mktemp("bare"), environment)
    try:
        await notebook.runs(WATCH, REGISTERED)
        yield notebook
    finally:
        await notebook.stop()


async def test_loading_opens_no_socket_and_says_one_line(bare: Headless) -> None:
    cell = await bare.runs("SOCKETS.clear()\n%load_ext nbagents")
    assert cell.text.count("\n") == 1 and cell.text.startswith("nbagents ")
    assert "openai/of-environment" in cell.text and PLANTED["OPENAI_API_KEY"] not in cell.text
    assert await bare.value("SOCKETS") == []
    assert await bare.value("[name for name in ('openai', 'anthropic', 'xllamacpp') if name in sys.modules]") == []


async def test_defining_opens_no_socket(bare: Headless) -> None:
    await bare.runs("%load_ext nbagents", *AGENTS[1:], "%agents")
    assert await bare.value("SOCKETS") == []


async def test_loading_twice_registers_once(bare: Headless) -> None:
    await bare.runs("%load_ext nbagents")
    once = await bare.value("registered()")
    await bare.runs("%load_ext nbagents", "import nbagents\nnbagents.load_ipython_extension(get_ipython())")
    assert await bare.value("registered()") == once


async def test_unloading_leaves_nothing_behind(bare: Headless) -> None:
    await bare.runs("%load_ext nbagents", "%reload_ext nbagents", "%unload_ext nbagents")
    assert await bare.value("registered()") == await bare.value("before")
    assert (
        await bare.value("{'agent', 'agents', 'team'} & vars(get_ipython().magics_manager.user_magics).keys()")
        == "set()"
    )
    assert "not found" in (await bare.run("%team show")).text
    assert "42" in (await bare.runs("%load_ext nbagents", "%unload_ext nbagents", "print(6 * 7)")).text


async def test_reloading_forgets_agents_and_keeps_settings(bare: Headless, llmock: Any) -> None:
    await bare.runs("%load_ext nbagents", *AGENTS[1:], '%config NBAgents.model = "openai/of-config"')
    cell = await bare.runs("%reload_ext nbagents")
    assert "openai/of-config" in cell.text
    assert "no agents yet" in (await bare.runs("%agents")).text
    llmock.reply("fine")
    await bare.runs(AGENTS[1], "%team run writer hi")


async def test_a_flag_wins_over_front_matter_over_config_over_environment(bare: Headless, llmock: Any) -> None:
    async def asked(agent: str) -> str:
        llmock.reply("fine")
        await bare.runs(agent, "%team run agent hi")
        return str(llmock.last_request.body["model"])

    front_matter = "---\nmodel: openai/of-front-matter\n---\nx"
    await bare.runs("%unload_ext nbagents", "get_ipython().config.pop('NBAgents', None);", "%load_ext nbagents")
    assert await asked("%%agent agent\nx") == "of-environment"
    await bare.runs('%config NBAgents.model = "openai/of-config"')
    assert await asked("%%agent agent\nx") == "of-config"
    assert await asked(f"%%agent agent\n{front_matter}") == "of-front-matter"
    assert await asked(f"%%agent agent --model openai/of-flag\n{front_matter}") == "of-flag"


async def test_reloading_stops_what_is_going_on(interactive: Notebook, llmock: Any) -> None:
    llmock.reply("one two three four").stall(after_chunks=1, seconds=20)
    await interactive.run("%%team run writer --as unended --detach\nhi")
    await model_is_asked(llmock)
    await interactive.run("%reload_ext nbagents")
    await interactive.run("while unended.status == 'running': await asyncio.sleep(0.02)")
    assert await interactive.value("print(json.dumps([unended.status, unended.stop_reason]))") == [
        "stopped",
        "run 'unended' was stopped by %unload_ext in turn 1",
    ]
    [request] = llmock.requests
    assert not request.completed
    llmock.reset().reply("fine")
    for cell in AGENTS:
        await interactive.run(cell)
    assert (await interactive.run("%%team run writer --as after\nhi\n")).errors == []
    assert (await interactive.run("after.answer")).results == ["'fine'"]


async def test_unloading_gives_the_shell_stream_back(interactive: Notebook, llmock: Any) -> None:
    llmock.reply("one two three four").stall(after_chunks=1, seconds=20)
    await interactive.run("%load_ext nbagents")
    for cell in AGENTS:
        await interactive.run(cell)
    await interactive.run("%%team run writer --as unended --detach\nhi")
    await model_is_asked(llmock)
    await interactive.run("%unload_ext nbagents")
    await interactive.run("while unended.status == 'running': await asyncio.sleep(0.02)")
    await interactive.run("import nbagents.kernel.comm_tap as comm_tap\nawait asyncio.sleep(0.1)")
    assert await interactive.value("print(len(comm_tap._BY_KERNEL))") == 0


async def test_a_notebook_written_for_autogen_runs_as_it_is(bare: Headless) -> None:
    cells = [
        "%load_ext nbagents.compat.autogen",
        "from autogen_agentchat.agents import AssistantAgent\nfrom autogen_agentchat.teams import RoundRobinGroupChat\n"
        "from autogen_ext.models.replay import ReplayChatCompletionClient",
        'team = RoundRobinGroupChat([AssistantAgent("a", ReplayChatCompletionClient(["It is 42."]))], max_turns=1)\n'
        'result = await team.run(task="What is it?")\nprint(result.messages[-1].content, result.stop_reason)',
        "print(team.dump_component().provider, AssistantAgent.__module__)",
    ]
    *_, said, dumped = [await bare.runs(cell) for cell in cells]
    assert said.text == "It is 42. Maximum number of turns 1 reached.\n"
    assert dumped.text == "autogen_agentchat.teams.RoundRobinGroupChat nbagents.agents.assistant\n"
    gone = await bare.run("%unload_ext nbagents.compat.autogen\nimport autogen_agentchat.teams")
    assert "No module named 'autogen_agentchat'" in str(gone.outputs)
