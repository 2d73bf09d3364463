"""Runs in the kernel: which names a block changed, and an end to printing without end.

Objects are not kept alive to be compared: a block that frees a frame must free it. So what cannot be referenced
weakly (numbers, lists) is told apart by where it is in memory, and a new one in the old one's place is missed.
"""

from __future__ import annotations

import sys
import threading
import weakref
from typing import Any

PIECE = 1_000_000
"""Characters after which a stream is flushed: it would send everything of a fifth of a second in one message."""

_known: dict[str, tuple[int, type, Any]] = {}
_printed = {"since the block began": 0, "since a flush": 0, "most": 0}


class Answer:
    """JSON for who asked, through IPython's display formatter."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "<nbagents>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"application/vnd.nbagents+json": self.value}


def shell() -> Any:
    """IPython's; it has long been imported, by the kernel."""
    return sys.modules["IPython"].get_ipython()


def begin(most_text: int) -> Answer:
    """Start to watch."""
    _printed["most"] = most_text
    streams: list[Any] = [sys.stdout, sys.stderr]
    for stream in streams:
        # ipykernel's stream stays the object that others hold, so it is its method that is replaced.
        stream.write = _bounded(stream)
    _known.update(_namespace())
    return Answer({"python": sys.version.split()[0]})


def changes() -> Answer:
    """What has changed since this was asked last, which is after the block before."""
    _printed["since the block began"] = 0
    now = _namespace()
    created = [name for name in now if name not in _known]
    deleted = [name for name in _known if name not in now]
    rebound = [name for name in now if name in _known and not _same(_known[name], now[name])]
    _known.clear()
    _known.update(now)
    return Answer({"created": sorted(created), "rebound": sorted(rebound), "deleted": sorted(deleted)})


def know(name: str) -> None:
    """A name that no block has bound."""
    _known[name] = _namespace()[name]


def names() -> list[str]:
    """The names that blocks and the user have bound."""
    return list(_namespace())


def _namespace() -> dict[str, tuple[int, type, Any]]:
    ipython = shell()
    hidden = ipython.user_ns_hidden
    return {
        name: (id(value), type(value), _weak(value))
        for name, value in list(ipython.user_ns.items())
        if not name.startswith("_") and not (name in hidden and hidden[name] is value) and name not in ("In", "Out")
    }


def _weak(value: Any) -> Any:
    try:
        return weakref.ref(value)
    except TypeError:
        return None


def _same(before: tuple[int, type, Any], now: tuple[int, type, Any]) -> bool:
    gone = before[2] is not None and before[2]() is None
    return before[0] == now[0] and before[1] is now[1] and not gone


def _bounded(stream: Any) -> Any:
    original = stream.write

    def write(text: Any) -> int:
        if not isinstance(text, str):
            return int(original(text))
        _printed["since the block began"] += len(text)
        _printed["since a flush"] += len(text)
        if _printed["since the block began"] > _printed["most"]:
            if threading.current_thread() is threading.main_thread():
                raise RuntimeError(f"a block may print {_printed['most'] / 1e6:.0f} MB: print less")
            return len(text)  # what child processes and threads print beyond it is dropped
        for start in range(0, len(text), PIECE):
            original(text[start : start + PIECE])
            if _printed["since a flush"] > PIECE:
                stream.flush()
        if _printed["since a flush"] > PIECE:
            _printed["since a flush"] = 0
        return len(text)

    return write
