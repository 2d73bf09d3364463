"""AutoGen's modules under their own names are nbagents, in this process, between install and uninstall."""

from __future__ import annotations

import importlib
import logging
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from unittest.mock import patch

import pytest
from pydantic import BaseModel

import nbagents.agents
import nbagents.agents.assistant
import nbagents.models
from nbagents.autogen_names import HERE, LACKING, modules, names
from nbagents.compat import autogen
from nbagents.component import ComponentLoader
from nbagents.conditions import MaxMessageTermination
from nbagents.errors import ConfigurationError
from nbagents.models.replay import ReplayChatCompletionClient


@pytest.fixture
def installed() -> Iterator[None]:
    autogen.install()
    yield
    autogen.uninstall()


pytestmark = pytest.mark.usefixtures("installed")
ROOMS = ("agents", "conditions", "executors", "memory", "messages", "models", "runtime", "teams", "tools", "ui")
OURS = [(module, name) for module in HERE for name in names(module)]


def module_of(name: str) -> Any:
    return importlib.import_module(name)


# The table ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("module", "name"), OURS)
def test_every_name_of_the_table_is_ours(module: str, name: str) -> None:
    place, ours = names(module)[name]

    assert getattr(module_of(module), name) is getattr(module_of(place), ours)


@pytest.mark.parametrize("module", sorted(modules()))
def test_every_public_module_can_be_imported(module: str) -> None:
    exec(f"from {module} import *", {})

    assert list(module_of(module).__all__) == sorted(names(module))


@pytest.mark.parametrize(("module", "name"), [(m, name) for m, words in LACKING.items() for name in words.split()])
def test_a_public_name_that_we_lack_is_an_import_error_that_says_so(module: str, name: str) -> None:
    with pytest.raises(ImportError, match=rf"nbagents has no {module}\.{name}: see docs/migrating.md"):
        exec(f"from {module} import {name}", {})


@pytest.mark.parametrize("module", LACKING)
def test_what_the_table_says_we_lack_is_nowhere_in_our_packages(module: str) -> None:
    ours = [importlib.import_module(f"nbagents.{room}") for room in ROOMS]

    found = [name for name in LACKING[module].split() if any(name in getattr(room, "__all__", ()) for room in ours)]
    assert not found, f"move {found} of {module} from LACKING to HERE in nbagents/autogen_names.py"


def test_the_arguments_of_a_client_may_be_made_with_autogens_typed_dict() -> None:
    arguments = module_of("autogen_ext.models.openai.config").OpenAIClientConfiguration(model="gpt-4o", temperature=0)
    assert module_of("autogen_ext.models.openai").OpenAIChatCompletionClient(**arguments).model == "gpt-4o"


def test_who_asks_for_pictures_has_pil_with_them() -> None:
    script = """
        import sys
        from nbagents.compat import autogen; autogen.install()
        import PIL
        from autogen_core import AgentId; assert "PIL.Image" not in sys.modules
        from autogen_core import Image; print(Image(PIL.Image.new("RGB", (1, 2))).image.size)
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert ran.stdout == "(1, 2)\n"


def test_a_module_that_autogen_does_not_have_is_not_found() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"nbagents has no autogen_ext\.nothing"):
        module_of("autogen_ext.nothing")


def test_a_package_has_its_modules() -> None:
    core = module_of("autogen_core")
    assert core.exceptions.CantHandleException is nbagents.runtime.CantHandleException
    assert core.logging.LLMCallEvent and not hasattr(core, "_image")


def test_a_private_module_has_the_names_of_the_package_that_it_is_a_part_of() -> None:
    assert module_of("autogen_agentchat.agents._assistant_agent").AssistantAgent is nbagents.agents.AssistantAgent


def test_a_private_module_has_what_is_private_there_and_here() -> None:
    registry = module_of("autogen_core._serialization").SerializationRegistry
    assert registry is nbagents.runtime.SerializationRegistry
    assert not hasattr(module_of("autogen_core"), "SerializationRegistry")
    assert issubclass(
        module_of("autogen_ext.code_executors._common").CommandLineCodeResult, nbagents.executors.CodeResult
    )
    assert module_of("autogen_agentchat.teams._group_chat._graph._digraph_group_chat").GraphFlow
    for module, config in (("agents._message_filter_agent", "MessageFilterAgent"), ("tools._team", "TeamTool")):
        assert issubclass(getattr(module_of(f"autogen_agentchat.{module}"), f"{config}Config"), BaseModel)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("base._termination", "AndTerminationConditionConfig"),
        ("conditions._terminations", "MaxMessageTerminationConfig"),
        ("teams._group_chat._graph._digraph_group_chat", "GraphFlowConfig"),
        ("teams._group_chat._round_robin_group_chat", "RoundRobinGroupChatConfig"),
        ("teams._group_chat._magentic_one._prompts", "LedgerEntry"),
    ],
)
def test_what_teams_and_conditions_are_made_of_is_where_autogen_has_it(module: str, name: str) -> None:
    assert issubclass(getattr(module_of(f"autogen_agentchat.{module}"), name), BaseModel)


def test_a_prompt_of_ones_own_may_begin_with_the_orchestrators() -> None:
    prompts = module_of("autogen_agentchat.teams._group_chat._magentic_one._prompts")
    said = prompts.ORCHESTRATOR_TASK_LEDGER_FULL_PROMPT.format(task="T", team="M", facts="F", plan="P")
    assert all(word in said for word in "TMFP")
    assert "{task}" in prompts.ORCHESTRATOR_FINAL_ANSWER_PROMPT


@pytest.mark.parametrize("name", ["Nobody", "get_nothing", "_nothing"])
def test_a_name_that_a_private_module_lacks_is_an_import_error_and_no_module(name: str) -> None:
    with pytest.raises(ImportError, match=rf"nbagents has no autogen_core\._serialization\.{name}: see docs"):
        exec(f"from autogen_core._serialization import {name}", {})


def test_a_name_that_nobody_has_is_no_attribute() -> None:
    assert not hasattr(module_of("autogen_agentchat.agents"), "Nobody")


def test_the_version_is_the_one_whose_names_these_are() -> None:
    assert module_of("autogen_agentchat").__version__ == "0.7.5"


# Loggers ------------------------------------------------------------------------------------------------------


def test_a_logger_asked_for_by_autogens_name_is_ours_until_it_is_uninstalled() -> None:
    for root in ("autogen_core", "autogen_agentchat"):
        assert logging.getLogger(root) is logging.getLogger(module_of("autogen_core").ROOT_LOGGER_NAME)
        assert logging.getLogger(f"{root}.events") is logging.getLogger(module_of(root).EVENT_LOGGER_NAME)
    below = logging.getLogger("autogen_core.mine_alone")
    assert below.parent is logging.getLogger("nbagents")

    autogen.uninstall()
    assert logging.getLogger("autogen_core.events") is not logging.getLogger(nbagents.runtime.EVENT_LOGGER_NAME)
    del logging.Logger.manager.loggerDict["autogen_core.events"]  # that of another test's AutoGen


# Patching by dotted path ------------------------------------------------------------------------------------


def test_a_patch_acts_on_ours_and_is_undone() -> None:
    real = nbagents.agents.AssistantAgent

    with patch("autogen_agentchat.agents.AssistantAgent") as mock:
        assert nbagents.agents.AssistantAgent is mock and nbagents.agents.assistant.AssistantAgent is mock
        assert module_of("autogen_agentchat.agents").AssistantAgent is mock

    assert nbagents.agents.AssistantAgent is real and nbagents.agents.assistant.AssistantAgent is real


def test_a_patch_of_what_is_imported_late_acts_on_ours_and_is_undone() -> None:
    with patch("autogen_ext.models.replay.ReplayChatCompletionClient") as mock:
        assert nbagents.models.ReplayChatCompletionClient is mock

    assert nbagents.models.ReplayChatCompletionClient is ReplayChatCompletionClient


def test_patches_may_be_nested() -> None:
    target, real = "autogen_agentchat.agents.AssistantAgent", nbagents.agents.AssistantAgent

    with patch(target, "outer"):
        with patch(target, "inner"):
            assert nbagents.agents.AssistantAgent == "inner"  # type: ignore[comparison-overlap]  # it is patched
        assert nbagents.agents.AssistantAgent == "outer"  # type: ignore[comparison-overlap]  # it is patched
    assert nbagents.agents.AssistantAgent is real


async def test_a_patch_of_a_method_acts_on_ours() -> None:
    with patch("autogen_ext.models.replay.ReplayChatCompletionClient.create", return_value="patched"):
        assert await ReplayChatCompletionClient([]).create([]) == "patched"


def test_monkeypatch_acts_on_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autogen_agentchat.conditions.MaxMessageTermination", str)

    assert module_of("nbagents.conditions").MaxMessageTermination is str
    monkeypatch.undo()
    assert module_of("nbagents.conditions").MaxMessageTermination is MaxMessageTermination


# Components -------------------------------------------------------------------------------------------------


def test_components_are_dumped_with_autogens_providers_and_load() -> None:
    said = MaxMessageTermination(3).dump_component()

    assert said.provider == "autogen_agentchat.conditions.MaxMessageTermination"
    assert isinstance(ComponentLoader.load_component(said, object), MaxMessageTermination)


def test_a_class_of_the_users_own_keeps_its_name() -> None:
    agent = Mine("a", ReplayChatCompletionClient([]))

    assert agent.dump_component().provider == f"{__name__}.Mine"


class Mine(nbagents.agents.AssistantAgent):
    """One of a user's own."""


# Installing -------------------------------------------------------------------------------------------------


def test_uninstall_undoes_it_and_what_was_imported_goes_on() -> None:
    agents = module_of("autogen_agentchat.agents")
    autogen.uninstall()

    assert not autogen.installed() and "autogen_agentchat" not in sys.modules
    assert agents.AssistantAgent is nbagents.agents.AssistantAgent
    assert MaxMessageTermination(3).dump_component().provider == "nbagents.conditions.MaxMessageTermination"


def test_a_second_call_of_either_does_nothing() -> None:
    autogen.install()
    assert sys.meta_path.count(autogen._finder) == 1
    autogen.uninstall()
    autogen.uninstall()


def test_it_refuses_when_the_real_one_was_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    autogen.uninstall()
    monkeypatch.setitem(sys.modules, "autogen_core", ModuleType("autogen_core"))

    with pytest.raises(ConfigurationError, match="autogen_core is imported already"):
        autogen.install()


def test_it_is_an_extension_of_ipython() -> None:
    from IPython.core.interactiveshell import InteractiveShell

    autogen.uninstall()
    shell = InteractiveShell()
    try:
        shell.run_line_magic("load_ext", "nbagents.compat.autogen")
        assert autogen.installed() and module_of("autogen_agentchat.ui").Console is module_of("nbagents.ui").Console
        shell.run_line_magic("unload_ext", "nbagents.compat.autogen")
        assert not autogen.installed()
    finally:
        shell.history_manager.end_session()


SCRIPT = """
from nbagents.compat import autogen
autogen.install()

import asyncio
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken
from autogen_ext.models.replay import ReplayChatCompletionClient

async def main():
    model = ReplayChatCompletionClient(["one", "two"])
    team = RoundRobinGroupChat([AssistantAgent("a", model), AssistantAgent("b", model)],
                               termination_condition=MaxMessageTermination(3))
    result = await team.run(task="count", cancellation_token=CancellationToken())
    print([message.content for message in result.messages], result.stop_reason)

asyncio.run(main())
"""


def test_a_script_written_for_autogen_runs() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60)

    assert done.stdout.startswith("['count', 'one', 'two'] Maximum number of messages 3 reached"), done.stderr
