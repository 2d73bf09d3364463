"""What the wheel holds: the package, the built front end, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.imports import ROOT

LABEXTENSION = r"nbagents-[\d.]+\.data/data/share/jupyter/labextensions/nbagents"
ALLOWED = [
    r"nbagents/(\w+/)*\w+\.py",
    r"nbagents/py\.typed",
    r"nbagents/(\w+/)*\w+\.json",
    r"nbagents/executors/docker/image/Dockerfile(\.derived)?",
    r"nbagents/widgets/static/run\.(js|css)",
    rf"{LABEXTENSION}/(package|install)\.json",
    rf"{LABEXTENSION}/static/(remoteEntry|\d+)\.[0-9a-f]+\.js",
    rf"{LABEXTENSION}/static/(style\.js|third-party-licenses\.json)",
    r"nbagents-[\d.]+\.dist-info/(METADATA|RECORD|WHEEL|entry_points\.txt|licenses/LICENSE)",
]
REQUIRED = [
    r"nbagents/__init__\.py",
    r"nbagents/py\.typed",
    r"nbagents/executors/docker/image/Dockerfile",
    r"nbagents/executors/docker/image/Dockerfile\.derived",
    r"nbagents/widgets/static/run\.js",
    r"nbagents/widgets/static/run\.css",
    rf"{LABEXTENSION}/package\.json",
    rf"{LABEXTENSION}/install\.json",
    rf"{LABEXTENSION}/static/remoteEntry\.[0-9a-f]+\.js",
    rf"{LABEXTENSION}/static/style\.js",
    r"nbagents-[\d.]+\.dist-info/licenses/LICENSE",
]
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built once from the front end as it stands."""
    directory = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(directory),
        str(ROOT),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return zipfile.ZipFile(next(directory.glob("*.whl")))


def matches(name: str, patterns: list[str]) -> bool:
    return any(re.fullmatch(pattern, name) for pattern in patterns)


def test_nothing_is_there_that_does_not_belong(wheel: zipfile.ZipFile) -> None:
    strange = [name for name in wheel.namelist() if not matches(name, ALLOWED)]

    assert not strange, strange


@pytest.mark.parametrize("pattern", REQUIRED)
def test_what_must_be_there_is_there_once(wheel: zipfile.ZipFile, pattern: str) -> None:
    found = [name for name in wheel.namelist() if re.fullmatch(pattern, name)]

    assert len(found) == 1, found


def test_every_module_is_there(wheel: zipfile.ZipFile) -> None:
    source = {str(path.relative_to(ROOT)) for path in (ROOT / "nbagents").rglob("*.py")}

    assert source == {name for name in wheel.namelist() if name.endswith(".py")}


def test_it_is_small(wheel: zipfile.ZipFile) -> None:
    sizes = {info.filename: info.file_size for info in wheel.infolist()}

    assert sum(sizes.values()) < 2 * MEGABYTE, sorted(sizes.items(), key=lambda item: -item[1])[:5]


def test_it_names_no_path_of_this_machine(wheel: zipfile.ZipFile) -> None:
    here = str(ROOT).encode()

    assert [name for name in wheel.namelist() if here in wheel.read(name)] == []


def test_the_metadata_tells_what_it_needs(wheel: zipfile.ZipFile) -> None:
    name = next(name for name in wheel.namelist() if name.endswith("/METADATA"))
    metadata = wheel.read(name).decode()

    assert "Requires-Python: <3.14,>=3.11" in metadata
    assert "License-Expression: MIT" in metadata
    for extra in ("openai", "anthropic", "local", "docker", "mcp", "lab", "demo", "all"):
        assert f"Provides-Extra: {extra}" in metadata
    entry_points = wheel.read(name.replace("METADATA", "entry_points.txt")).decode()
    assert "nbagents = nbagents.cli:main" in entry_points


def test_no_front_end_source_is_in_the_tree_of_the_package() -> None:
    sources = [path for suffix in ("ts", "tsx", "map") for path in Path(ROOT / "nbagents").rglob(f"*.{suffix}")]

    assert sources == []
