"""The patches by which a block's output reaches its `Capture`; in place only while a block is in flight.

The instance's `write` is patched, as IPython's own `InteractiveShell._tee` does: a proxy object in `sys.stdout`
would fail the `isinstance(sys.stdout, OutStream)` checks of ipykernel.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from .capture import Capture

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_MISSING = object()
_OURS = "_nbagents_capture"


class _Patches:
    """All patches of this process, counted: blocks of different runs may overlap while they await."""

    def __init__(self) -> None:
        self.users = 0
        self._undo: list[Callable[[], None]] = []

    def apply(self, shell: InteractiveShell) -> None:
        """Patch what is not patched: a stream or a publisher may have been replaced since the last time."""
        for name in ("stdout", "stderr"):
            self._patch(getattr(sys, name), "write", partial(_write, name))
        self._patch(shell.display_pub, "publish", _publish)
        self._patch(shell.display_pub, "clear_output", _clear_output)

    def _patch(self, target: Any, name: str, wrapper: Callable[[Any], Any]) -> None:
        original = getattr(target, name, None)
        if original is None or getattr(original, _OURS, False):
            return
        kept = vars(target).get(name, _MISSING) if hasattr(target, "__dict__") else _MISSING
        replacement = wrapper(original)
        setattr(replacement, _OURS, True)
        try:
            setattr(target, name, replacement)
        except AttributeError:
            return  # a StringIO that the user's cell redirects to: what is printed is the user's wish
        self._undo.append(lambda: _restore(target, name, replacement, kept))

    def remove(self) -> None:
        while self._undo:
            self._undo.pop()()


_PATCHES = _Patches()


@contextmanager
def capturing(shell: InteractiveShell) -> Iterator[None]:
    """While a block is in flight: what it shows goes to its capture."""
    _PATCHES.users += 1
    try:
        yield
    finally:
        _PATCHES.users -= 1
        if not _PATCHES.users:
            _PATCHES.remove()


@contextmanager
def holding_main_thread(shell: InteractiveShell, capture: Capture) -> Iterator[None]:
    """While a block's code is on the main thread: what threads and child processes of it show belongs to it, too."""
    _PATCHES.apply(shell)
    outer, Capture.holder = Capture.holder, capture
    try:
        yield
    finally:
        Capture.holder = outer


def _restore(target: Any, name: str, replacement: Any, kept: Any) -> None:
    if vars(target).get(name) is not replacement:
        return  # patched by somebody else since, who restores ours, which then does nothing
    if kept is _MISSING:
        delattr(target, name)
    else:
        setattr(target, name, kept)


def _write(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def write(text: Any, *rest: Any, **named: Any) -> Any:
        capture = Capture.current()
        if capture is None or not isinstance(text, str):
            return original(text, *rest, **named)
        capture.write(name, text)
        return len(text)

    return write


def _publish(original: Callable[..., Any]) -> Callable[..., Any]:
    def publish(
        data: Any, metadata: Any = None, *rest: Any, transient: Any = None, update: bool = False, **named: Any
    ) -> Any:
        capture = Capture.current()
        if capture is None or (update and not capture.update(data, metadata, transient)):
            return original(data, metadata, *rest, transient=transient, update=update, **named)
        return None if update else capture.publish(data, metadata, transient)

    return publish


def _clear_output(original: Callable[..., Any]) -> Callable[..., Any]:
    def clear_output(wait: bool = False) -> Any:
        capture = Capture.current()
        return original(wait) if capture is None else capture.clear(wait)

    return clear_output
