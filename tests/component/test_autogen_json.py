"""Components as AutoGen 0.7.5 dumped them (`autogen_0_7_5.jsonl`; its own words are replaced) load and come back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nbagents.autogen_names import ours
from nbagents.compat import autogen
from nbagents.component import ComponentLoader
from nbagents.tools import trusting_code

RECORDED = Path(__file__).with_name("autogen_0_7_5.jsonl")
COMPONENTS: dict[str, dict[str, Any]] = {
    line["name"]: line["component"] for line in map(json.loads, RECORDED.read_text("utf-8").splitlines())
}
ADDED = {"emit_team_events"}
"""What a config of ours says where AutoGen's (of a GraphFlow) does not."""


def compared(value: Any, *, providers: bool) -> Any:
    """A dump without what may differ: descriptions of classes, masked keys, fields that are ours."""
    if isinstance(value, list):
        return [compared(item, providers=providers) for item in value]
    if not isinstance(value, dict):
        return value
    dropped = {"description", "api_key"} if "provider" in value else {"api_key"}
    kept = {key: compared(item, providers=providers) for key, item in value.items() if key not in dropped}
    if "graph" in value:
        kept = {key: item for key, item in kept.items() if key not in ADDED}
    if "provider" in kept and not providers:
        kept["provider"] = kept["provider"].rpartition(".")[2]
    return kept


def reloaded(name: str, directory: Path) -> dict[str, Any]:
    text = json.dumps(COMPONENTS[name]).replace("DIRECTORY", str(directory))
    with trusting_code():
        component: Any = ComponentLoader.load_component(json.loads(text), object)
    dumped: dict[str, Any] = json.loads(
        component.dump_component().model_dump_json().replace(str(directory), "DIRECTORY")
    )
    return dumped


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_of_autogen_loads_and_dumps_the_same_config(name: str, tmp_path: Path) -> None:
    assert compared(reloaded(name, tmp_path), providers=False) == compared(COMPONENTS[name], providers=False)


@pytest.mark.parametrize("name", COMPONENTS)
def test_after_install_the_providers_are_autogens_too(name: str, tmp_path: Path) -> None:
    autogen.install()
    try:
        dumped = reloaded(name, tmp_path)
    finally:
        autogen.uninstall()

    assert compared(dumped, providers=True) == compared(COMPONENTS[name], providers=True)


@pytest.mark.parametrize("name", COMPONENTS)
def test_every_provider_is_in_the_table(name: str) -> None:
    assert ours(COMPONENTS[name]["provider"]) is not None
