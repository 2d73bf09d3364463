"""Components: dumping, loading, versions, what is allowed to be loaded."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Self

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from nbagents.agents import AssistantAgent, CodeExecutorAgent, CodeWritingAgent
from nbagents.agents.code_approval import ApprovalRequest, ApprovalResponse
from nbagents.cancellation import CancellationToken
from nbagents.component import (
    Component,
    ComponentBase,
    ComponentLoader,
    ComponentModel,
    allow_providers,
    is_component_class,
    is_component_instance,
)
from nbagents.conditions import FunctionalTermination, MaxMessageTermination, TextMentionTermination
from nbagents.errors import ConfigurationError, UntrustedProvider
from nbagents.kernel.live_code import LiveKernelExecutor
from nbagents.memory import CompactingChatCompletionContext, ListMemory
from nbagents.models import ChatCompletionClient, LocalChatCompletionClient, OpenAIChatCompletionClient
from nbagents.models.replay import ReplayChatCompletionClient
from nbagents.runtime.code_execution_tool import PythonCodeExecutionTool
from nbagents.teams import RoundRobinGroupChat
from nbagents.tools import FunctionTool, HttpTool, StaticWorkbench, trusting_code
from nbagents.tools.mcp import McpWorkbench, StdioServerParams
from tests.component.wait_executor import WaitExecutor


class Size(BaseModel):
    x: int = 0
    y: str | None = None


class Box(ComponentBase[Size], Component[Size]):
    """Holds things.

    More about it.
    """

    component_type = "box"
    component_config_schema = Size
    component_version = 2

    def __init__(self, x: int, y: str | None = None) -> None:
        self.x, self.y = x, y

    def _to_config(self) -> Size:
        return Size(x=self.x, y=self.y)

    @classmethod
    def _from_config(cls, config: Size) -> Self:
        return cls(config.x, config.y)


class Crate(Box):
    component_label = "A crate"
    component_description = "Wooden."
    component_provider_override = "somewhere.Crate"

    @classmethod
    def _from_config_past_version(cls, config: dict[str, Any], version: int) -> Self:
        return cls(config["width"] + version)


class SmallCrate(Crate):
    pass


def dumped(**changes: Any) -> dict[str, Any]:
    return Box(1).dump_component().model_dump() | changes


def replay() -> ReplayChatCompletionClient:
    return ReplayChatCompletionClient(["hello"])


# Dumping --------------------------------------------------------------------------------------------------


def test_a_dump_says_where_the_class_is_and_leaves_out_none() -> None:
    assert Box(1).dump_component().model_dump() == {
        "provider": f"{__name__}.Box",
        "component_type": "box",
        "version": 2,
        "component_version": 2,
        "description": "Holds things.",
        "label": "Box",
        "config": {"x": 1},
    }


def test_a_class_may_say_its_own_provider_label_and_description() -> None:
    model = Crate(1).dump_component()

    assert (model.provider, model.label, model.description) == ("somewhere.Crate", "A crate", "Wooden.")


def test_a_subclass_is_not_dumped_as_the_class_it_is_made_of() -> None:
    assert SmallCrate(1).dump_component().provider == f"{__name__}.SmallCrate"


def test_a_class_within_a_function_cannot_be_dumped() -> None:
    class Local(Box):
        pass

    with pytest.raises(TypeError, match="Cannot dump component with local class"):
        Local(1).dump_component()


def test_our_classes_are_dumped_by_their_public_names() -> None:
    assert MaxMessageTermination(1).dump_component().provider == "nbagents.conditions.MaxMessageTermination"
    assert AssistantAgent("a", replay()).dump_component().provider == "nbagents.agents.AssistantAgent"


def test_a_function_cannot_be_dumped() -> None:
    with pytest.raises(NotImplementedError, match="does not support dumping"):
        FunctionalTermination(lambda messages: True).dump_component()


def test_a_component_without_its_class_variables_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="'component_config_schema' must be defined in Bare"):
        type("Bare", (ComponentBase, Component), {"component_type": "x"})


def test_a_class_that_is_half_a_component_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="Component class 'Half' must subclass the following"):

        class Half(Component[Size]):
            component_config_schema, component_type = Size, "box"


def test_what_is_a_component() -> None:
    assert is_component_class(Box) and is_component_instance(Box(1)) and is_component_class(AssistantAgent)
    assert not is_component_class(int) and not is_component_instance(1)
    assert not is_component_class(ChatCompletionClient), "an interface is none"


# Loading --------------------------------------------------------------------------------------------------


def test_a_dump_is_loaded_as_a_model_as_a_dict_and_from_json() -> None:
    model = Box(3, "y").dump_component()

    for said in (model, model.model_dump(), json.loads(model.model_dump_json())):
        box = Box.load_component(said)
        assert (box.x, box.y) == (3, "y")


def test_the_class_that_is_asked_loads_only_its_own_kind() -> None:
    with pytest.raises(TypeError, match="Expected type does not match"):
        Box.load_component(MaxMessageTermination(1).dump_component())
    with pytest.raises(TypeError, match="Expected type does not match"):
        ComponentLoader.load_component(dumped(), Crate)


@pytest.mark.parametrize(("provider", "error", "says"), [
    ("nodots", ValueError, "Invalid"),
    ("nbagents.agents.Nobody", AttributeError, "Nobody"),
    ("nbagents.nothing.Thing", ModuleNotFoundError, "nothing"),
    ("nbagents.cancellation.CancellationToken", TypeError, "Invalid component class"),
    ("autogen_core.CancellationToken", TypeError, "Invalid component class"),
    ("autogen_ext.agents.web_surfer.MultimodalWebSurfer", ConfigurationError, "nbagents has no autogen_ext"),
])  # fmt: skip
def test_what_is_no_component_is_not_loaded(provider: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        ComponentLoader.load_component(dumped(provider=provider), object)


def test_a_config_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValidationError, match="x"):
        Box.load_component(dumped(config={"x": "many"}))


@pytest.mark.parametrize("name", [
    "openai_chat_completion_client", "OpenAIChatCompletionClient", "AnthropicChatCompletionClient",
    "OllamaChatCompletionClient",
])  # fmt: skip
def test_a_short_name_of_autogens_is_known(name: str) -> None:
    client = ChatCompletionClient.load_component({"provider": name, "config": {"model": "gpt-4o"}})

    assert type(client).__name__ in {name, "OpenAIChatCompletionClient"}


# Versions -------------------------------------------------------------------------------------------------


def test_no_version_and_a_newer_one_are_read_as_todays() -> None:
    assert Box.load_component(dumped(component_version=None)).x == 1
    assert Box.load_component(dumped(component_version=3)).x == 1


def test_an_older_version_is_given_to_the_class() -> None:
    said = dumped(provider=f"{__name__}.Crate", component_version=1, config={"width": 8})

    assert ComponentLoader.load_component(said, Crate).x == 9


def test_an_older_version_that_the_class_cannot_read_is_an_error() -> None:
    with pytest.raises(NotImplementedError, match="on version 2 with a config on version 1"):
        Box.load_component(dumped(component_version=1))


def test_an_assistant_of_version_1_has_its_tools_beside_it() -> None:
    said = AssistantAgent("a", replay()).dump_component()
    config = {key: said.config[key] for key in ("name", "model_client", "description")} | {"tools": []}

    agent = AssistantAgent.load_component({"provider": said.provider, "component_version": 1, "config": config})

    assert agent.name == "a"


# What may be imported, and what is never run -----------------------------------------------------------------

EVIL = """
from pathlib import Path
Path(__file__).with_name("imported").touch()
from tests.component.test_component import Box
class Evil(Box): pass
"""


@pytest.fixture
def evil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The mark that a package leaves when it is imported."""
    (tmp_path / "evil_package.py").write_text(EVIL)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "evil_package", None)
    monkeypatch.delitem(sys.modules, "evil_package")
    return tmp_path / "imported"


def test_a_namespace_that_is_not_allowed_is_not_imported(evil: Path) -> None:
    with pytest.raises(UntrustedProvider, match=r"allow_providers\('evil_package'\)") as caught:
        ComponentLoader.load_component(dumped(provider="evil_package.Evil"), object)

    assert isinstance(caught.value, ValueError) and not evil.exists()


def test_the_user_allows_a_namespace_by_the_environment(evil: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBAGENTS_ALLOWED_PROVIDER_NAMESPACES", "other, evil_package")

    assert type(ComponentLoader.load_component(dumped(provider="evil_package.Evil"), Box)).__name__ == "Evil"
    assert evil.exists()


def test_the_user_allows_a_namespace_in_the_program(evil: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbagents.component._allowed", {"nbagents"})
    allow_providers("evil_package")

    assert isinstance(ComponentLoader.load_component(dumped(provider="evil_package.Evil"), object), Box)


def test_a_name_that_only_begins_like_an_allowed_one_is_not_allowed() -> None:
    with pytest.raises(UntrustedProvider):
        ComponentLoader.load_component(dumped(provider="nbagents_evil.Thing"), object)


@pytest.mark.parametrize("provider", ["os.system", "subprocess.Popen", "builtins.eval", "importlib.import_module"])
def test_what_is_imported_but_no_component_is_not_called(provider: str) -> None:
    with pytest.raises(UntrustedProvider):
        ComponentLoader.load_component(dumped(provider=provider, config={"args": ["true"]}), object)


FUNCTION = {
    "provider": "autogen_core.tools.FunctionTool",
    "config": {
        "source_code": "def f(a: int) -> int:\n    return a + 1\n",
        "name": "f", "description": "d", "global_imports": [], "has_cancellation_support": False,
    },
}  # fmt: skip


@pytest.mark.parametrize("within", ["tool", "workbench", "agent"])
def test_source_code_is_refused_wherever_it_stands(within: str) -> None:
    said: dict[str, Any] = FUNCTION
    if within != "tool":
        said = {"provider": "autogen_core.tools.StaticWorkbench", "config": {"tools": [said]}}
    if within == "agent":
        agent = AssistantAgent("a", replay()).dump_component().model_dump()
        said = {**agent, "config": {**agent["config"], "workbench": [said]}}

    with pytest.raises(ConfigurationError, match="carries Python source") as caught:
        ComponentLoader.load_component(said, object)
    assert "trusting_code" in str(caught.value)


RUNS: list[int] = []


async def test_a_function_that_this_process_dumped_comes_back_as_itself_and_nothing_is_run() -> None:
    def told(a: int) -> int:
        RUNS.append(a)  # a name of this module, which its source alone does not know
        return a + 1

    said = json.loads(FunctionTool(told, "adds", requires_approval=True).dump_component().model_dump_json())
    tool = FunctionTool.load_component(said)

    assert await tool.run_json({"a": 1}, CancellationToken()) == 2 and RUNS == [1]
    assert tool.requires_approval and tool.dump_component().config == said["config"]
    for changed in ("description", "requires_approval", "source_code"):
        other = {**said, "config": {**said["config"], changed: None if changed == "requires_approval" else "x"}}
        with pytest.raises(ConfigurationError, match="carries Python source"):
            FunctionTool.load_component(other)


def test_a_closure_is_not_taken_for_another_of_the_same_source() -> None:
    def mailing(who: str) -> FunctionTool:
        def mail(text: str) -> str:
            return f"{text} to {who}"

        return FunctionTool(mail, "mails")

    to_ann, to_bob = mailing("ann"), mailing("bob")
    said = to_ann.dump_component()
    assert said == to_bob.dump_component()
    with pytest.raises(ConfigurationError, match="carries Python source"):
        FunctionTool.load_component(said)


def test_source_code_is_run_for_who_says_that_they_trust_it_and_is_dumped_again() -> None:
    with trusting_code():
        tool = FunctionTool.load_component(FUNCTION)

    assert tool.dump_component().config["source_code"] == FUNCTION["config"]["source_code"]  # type: ignore[index]  # a dict in a dict


# What AutoGen forgets, and secrets ---------------------------------------------------------------------------


def test_a_text_mention_keeps_its_sources() -> None:
    loaded = TextMentionTermination.load_component(TextMentionTermination("X", ["a"]).dump_component())

    assert loaded._sources == ["a"]


def test_a_code_executor_agent_keeps_its_retries() -> None:
    info = replay().model_info | {"structured_output": True}
    agent = CodeExecutorAgent(
        "c", WaitExecutor(1), model_client=ReplayChatCompletionClient([], info), max_retries_on_error=2
    )

    assert CodeExecutorAgent.load_component(agent.dump_component())._max_retries_on_error == 2


def test_an_agent_that_decides_on_code_is_not_dumped_without_its_decision() -> None:
    def no(request: ApprovalRequest) -> ApprovalResponse:
        return ApprovalResponse(approved=False, reason="no")

    with pytest.raises(ValueError, match="Cannot serialize CodeExecutorAgent with approval_func set"):
        CodeExecutorAgent("c", WaitExecutor(1), approval_func=no).dump_component()


def test_a_tool_that_needs_approval_still_needs_it() -> None:
    def wipe(disk: str) -> str:
        return disk

    with trusting_code():
        source = FunctionTool(wipe, "wipes", requires_approval=True).dump_component()
        assert FunctionTool.load_component(source).requires_approval
    http = HttpTool("h", "localhost", 1, {"type": "object", "properties": {}})
    http.requires_approval = True
    assert HttpTool.load_component(http.dump_component()).requires_approval
    server = McpWorkbench(StdioServerParams(command="none"), requires_approval=["b", "a"])
    loaded = McpWorkbench.load_component(server.dump_component())
    assert loaded.requires_approval("a") and not loaded.requires_approval("c")


def test_a_key_stands_in_no_text_and_a_masked_one_is_no_key() -> None:
    client = OpenAIChatCompletionClient("gpt-4o", api_key="sk-secret", temperature=0.5)
    model = client.dump_component()

    assert "sk-secret" not in repr(model) + model.model_dump_json()
    assert isinstance(model.config["api_key"], SecretStr)
    assert OpenAIChatCompletionClient.load_component(model)._api_key == "sk-secret"
    assert OpenAIChatCompletionClient.load_component(json.loads(model.model_dump_json()))._api_key is None


def test_our_own_parts_are_components_too() -> None:
    writer = CodeWritingAgent("w", WaitExecutor(5), replay(), max_retries_on_error=3)
    context = CompactingChatCompletionContext(replay(), max_messages=None, token_limit=9, keep=2)
    live, local = LiveKernelExecutor(timeout=3), LocalChatCompletionClient("m", top_p=1)
    for part in (writer, context, local, live, PythonCodeExecutionTool(WaitExecutor(2))):
        said = json.loads(part.dump_component().model_dump_json())
        again = ComponentLoader.load_component(said, type(part))
        assert json.loads(again.dump_component().model_dump_json()) == said


async def test_a_loaded_team_runs() -> None:
    team = RoundRobinGroupChat([AssistantAgent("a", replay())], termination_condition=MaxMessageTermination(2))
    loaded = RoundRobinGroupChat.load_component(json.loads(team.dump_component().model_dump_json()))

    result = await loaded.run(task="say hello")

    assert [message.to_model_text() for message in result.messages] == ["say hello", "hello"]


def test_a_participant_must_be_an_agent_or_a_team() -> None:
    said = RoundRobinGroupChat([AssistantAgent("a", replay())]).dump_component()
    said.config["participants"] = [ListMemory().dump_component().model_dump()]

    with pytest.raises(TypeError, match="neither an agent nor a team"):
        ComponentLoader.load_component(said, object)


def test_a_workbench_with_a_tool_that_is_no_component_is_not_dumped() -> None:
    class Odd:
        name = "odd"

    with pytest.raises((NotImplementedError, AttributeError)):
        StaticWorkbench([Odd()]).dump_component()  # type: ignore[list-item]  # that is the point


def test_a_model_of_a_component_needs_a_provider_and_a_config() -> None:
    with pytest.raises(ValidationError):
        ComponentModel.model_validate({"provider": "x.Y"})


def test_an_assistant_of_an_older_autogen_has_one_workbench() -> None:
    said = AssistantAgent("a", replay()).dump_component()
    said.config["workbench"], said.component_version = said.config["workbench"][0], 1

    assert (
        AssistantAgent.load_component(said).dump_component().config["workbench"][0]["label"] == "StaticStreamWorkbench"
    )
