"""The default gallery of AutoGen Studio loads (`studio_gallery.jsonl`: its shape; words and source are replaced)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbagents.autogen_names import ours
from nbagents.component import ComponentLoader, is_component_instance
from nbagents.errors import ConfigurationError
from nbagents.tools import trusting_code

RECORDED = Path(__file__).with_name("studio_gallery.jsonl")
COMPONENTS: dict[str, dict[str, Any]] = {
    line["name"]: line["component"] for line in map(json.loads, RECORDED.read_text("utf-8").splitlines())
}


def providers(said: Any) -> Iterator[str]:
    """The providers in a component, at any depth."""
    if isinstance(said, dict):
        if isinstance(said.get("provider"), str):
            yield said["provider"]
        said = list(said.values())
    if isinstance(said, list):
        for part in said:
            yield from providers(part)


def lacking(name: str) -> list[str]:
    return [provider for provider in providers(COMPONENTS[name]) if ours(provider) is None]


LOADABLE = [name for name in COMPONENTS if not lacking(name)]
WITH_SOURCE = [name for name in LOADABLE if "source_code" in json.dumps(COMPONENTS[name])]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "none")


def test_most_of_it_is_here() -> None:
    assert len(LOADABLE) > len(COMPONENTS) / 2 and WITH_SOURCE


@pytest.mark.filterwarnings("ignore:LocalCommandLineCodeExecutor")  # it warns whoever makes one
@pytest.mark.parametrize("name", LOADABLE)
def test_a_component_of_the_gallery_loads_and_comes_back(name: str) -> None:
    with trusting_code():
        loaded = ComponentLoader.load_component(COMPONENTS[name])
        assert is_component_instance(loaded)
        said = json.loads(loaded.dump_component().model_dump_json())
        assert type(ComponentLoader.load_component(said)) is type(loaded)


@pytest.mark.parametrize("name", WITH_SOURCE)
def test_what_carries_source_is_refused_and_its_source_not_run(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigurationError, match="carries Python source"):
        ComponentLoader.load_component(COMPONENTS[name])
    assert "its code ran" not in capsys.readouterr().out
    with trusting_code():
        ComponentLoader.load_component(COMPONENTS[name])
    assert "its code ran" in capsys.readouterr().out


@pytest.mark.parametrize("name", [name for name in COMPONENTS if lacking(name)])
def test_what_nbagents_lacks_is_said(name: str) -> None:
    with trusting_code(), pytest.raises(ConfigurationError, match=r"nbagents has no autogen_"):
        ComponentLoader.load_component(COMPONENTS[name])
