"""Our own code inside an IPython kernel: told as text, so that neither an image nor a kernelspec has to have nbagents.

It is called by expressions that a kernel evaluates beside a request (`user_expressions`, Jupyter messaging protocol),
so nothing of it appears in the user's namespace, history or output. It answers with a media type of its own, as JSON.
Code in the kernel may change all of this: what it answers is taken as hostile.

    watch   the names that blocks change; bounds what is printed, at its source
    codec   arrays and plain values as bytes, and back; the host uses it as well
    frames  the same for data frames
    desk    takes and hands out values and files, piece by piece
"""

from __future__ import annotations

from functools import cache
from importlib import resources

MEDIA_TYPE = "application/vnd.nbagents+json"
PACKAGE = "_nbagents"
NAMES = f"__import__({PACKAGE!r}).watch.changes()"

_LOADER = """\
import sys, types
package = sys.modules.setdefault({package!r}, types.ModuleType({package!r}))
package.__path__ = []
for name, text in {texts!r}.items():
    full = {package!r} + "." + name
    module = sys.modules[full] = types.ModuleType(full)
    module.__package__ = {package!r}
    exec(compile(text, "<nbagents " + name + ">", "exec"), module.__dict__)
    setattr(package, name, module)
"""


def call(module: str, function: str, *arguments: object) -> str:
    """The expression that calls one of our functions; arguments are strings and numbers."""
    return f"__import__({PACKAGE!r}).{module}.{function}({', '.join(map(repr, arguments))})"


@cache
def install(*modules: str) -> str:
    """The expression that puts modules into the kernel."""
    here = resources.files(__package__)
    texts = {name: (here / f"{name}.py").read_text(encoding="utf-8") for name in modules}
    return f"exec({_LOADER.format(package=PACKAGE, texts=texts)!r}, {{}})"


def install_watch(most_text: int) -> str:
    """The expression that installs `watch`; prints of more than `most_text` characters fail."""
    return f"({install('watch')}, {call('watch', 'begin', most_text)})[1]"


def install_desk() -> str:
    """The expression that installs the rest; `watch` is there."""
    return f"({install('codec', 'frames', 'desk')}, {call('desk', 'begin')})[1]"
