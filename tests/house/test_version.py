"""The wheel, the labextension and the package call themselves by one version."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from typing import Any

from tests.house.imports import ROOT


def read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((ROOT / "labextension" / name).read_text())
    return content


def test_one_version_everywhere() -> None:
    source = read("package.json")["version"]
    lock = read("package-lock.json")
    printed = subprocess.run(
        [sys.executable, "-c", "import nbagents; print(nbagents.__version__)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()

    assert {"lock": lock["version"], "lock's root": lock["packages"][""]["version"], "package": printed} == {
        "lock": source,
        "lock's root": source,
        "package": source,
    }
    assert version("nbagents") == source, "the installed version is another one: run make setup"


def test_the_lock_file_names_no_registry() -> None:
    lock = read("package-lock.json")

    named = [path for path, package in lock["packages"].items() if "resolved" in package]
    assert not named, f"{named[:3]} name a registry host: run make lock"
    unchecked = [path for path, package in lock["packages"].items() if path and "integrity" not in package]
    assert not [path for path in unchecked if not lock["packages"][path].get("inBundle")], unchecked[:3]
