"""The supervisor as one command line: three files as text, imported inside the container as the package ``sandbox``.

So the image needs no file of ours, a read-only root is no obstacle, and image and nbagents cannot be of two versions.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

_FILES = ("frames", "mux", "supervisor")
_LOADER = """\
import sys, types
package = sys.modules["sandbox"] = types.ModuleType("sandbox")
package.__path__ = []
for name, text in {texts!r}.items():
    module = sys.modules["sandbox." + name] = types.ModuleType("sandbox." + name)
    module.__package__ = "sandbox"
    exec(compile(text, "<nbagents " + name + ">", "exec"), module.__dict__)
sys.modules["sandbox.supervisor"].main()
"""


@cache
def supervisor_command() -> tuple[str, ...]:
    """What the container runs."""
    here = resources.files(__package__)
    texts = {name: (here / f"{name}.py").read_text(encoding="utf-8") for name in _FILES}
    return ("python3", "-c", _LOADER.format(texts=texts))
