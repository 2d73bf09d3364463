"""What the package imports is declared in pyproject.toml, as a dependency or in an extra for users."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from tests.house.imports import ROOT, imports_of_package

# Brought along by a declared dependency that needs it itself, or used only where the user has installed it.
NEED_NOT_BE_DECLARED = {
    "ipython": "ipykernel",
    "comm": "ipywidgets",
    "tornado": "ipykernel",
    "pyzmq": "jupyter-client",
    "pydantic-core": "pydantic",
    "pillow": "pictures in messages, and smaller large pictures, where it is installed",
    "matplotlib": "the user's own figures; nothing happens where it is not installed",
    "pandas": "the user's own frames; nothing happens where it is not installed",
    "polars": "the user's own frames; nothing happens where it is not installed",
    "numpy": "the user's own arrays; nothing happens where it is not installed",
}


def normal(name: str) -> str:
    """A distribution's name as the package index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"]]
    for name, requirements in extras.items():
        if name not in ("dev", "demo"):
            wanted += requirements
    return {normal(re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0]) for requirement in wanted}


def test_imports_are_declared() -> None:
    known = declared() | set(NEED_NOT_BE_DECLARED)
    distributions = packages_distributions()
    wrong = []
    for found in imports_of_package():
        if found.top in sys.stdlib_module_names or found.top == "nbagents":
            continue
        names = {normal(name) for name in distributions.get(found.top, [found.top])}
        if not names & known:
            wrong.append(f"{found} ({', '.join(sorted(names))})")

    assert not wrong, "not declared in pyproject.toml:\n" + "\n".join(wrong)
