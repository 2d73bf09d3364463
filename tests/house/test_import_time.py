"""`import nbagents` is light: no SDK, no notebook library, no socket. The SDKs load at first use."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.house.imports import PACKAGE
from tests.house.test_layering import FLOOR_OF, KERNEL_FLOOR

SDKS = {"openai", "anthropic", "xllamacpp", "docker", "mcp", "azure", "pandas", "matplotlib", "numpy"}
LATE = {"stamina", "tenacity", "keyring", "dotenv", "httpx2"}
NOTEBOOK = {"IPython", "ipykernel", "ipywidgets", "anywidget"}
NETWORK = {"httpx", "requests", "urllib3", "aiohttp"}

# Imports what it is told to in a fresh interpreter; reports the modules that are then loaded and what was opened.
PROBE = """
import importlib, json, sys
opened = []
def watch(event, arguments):
    if event.startswith("socket.") or event in ("subprocess.Popen", "os.exec", "os.posix_spawn"):
        opened.append(event)
sys.addaudithook(watch)
for name in sys.argv[1:]:
    importlib.import_module(name)
tops = sorted({name.partition(".")[0] for name in list(sys.modules)})
print(json.dumps({"modules": tops, "opened": opened}))
"""


def probe(*names: str) -> tuple[set[str], list[str]]:
    """The top-level modules loaded, and the sockets and processes opened, by importing `names`."""
    command = [sys.executable, "-W", "error", "-c", PROBE, *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "an import prints"
    report = json.loads(done.stdout)
    return set(report["modules"]), report["opened"]


def rooms_below_the_kernel() -> list[str]:
    floors = [room for room, floor in FLOOR_OF.items() if floor < KERNEL_FLOOR]
    packages = [room for room in floors if (PACKAGE / room / "__init__.py").is_file()]
    return [*packages, *(room for room in floors if (PACKAGE / f"{room}.py").is_file())]


def test_the_package_is_light() -> None:
    modules, opened = probe("nbagents")

    assert not modules & (SDKS | LATE | NOTEBOOK | NETWORK)
    assert opened == []


@pytest.mark.parametrize("room", rooms_below_the_kernel())
def test_a_room_below_the_kernel_needs_no_sdk_and_no_notebook(room: str) -> None:
    modules, opened = probe(f"nbagents.{room}")

    assert not modules & (SDKS | LATE | NOTEBOOK)
    assert opened == []


@pytest.mark.parametrize("room", ["magics", "widgets", "kernel"])
def test_the_notebook_rooms_need_no_sdk(room: str) -> None:
    modules, opened = probe(f"nbagents.{room}")

    assert not modules & SDKS
    assert opened == []
