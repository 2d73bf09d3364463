"""What of IPython and of Python's builtins is different while a block's code is on the main thread.

A block talks to its capture, never to the notebook: what it would ask of the person, of the front end or of the
kernel's life is refused in words that the agent can act on; what the shell would show into the user's cell is shown
in the block, also from the cells that it runs itself (``run_cell``, ``%run``).
"""

from __future__ import annotations

import builtins
import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from .block_figures import mime_bundle
from .capture import Capture

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_MISSING = object()


class BlockShell:
    """The shell as one block finds it.

    Attributes:
        words: errors that something caught and showed, as text.
    """

    def __init__(self, shell: InteractiveShell, capture: Capture) -> None:
        self._shell, self._capture = shell, capture
        self.words = ""

    @contextmanager
    def current(self) -> Iterator[None]:
        """Within it the block's code may run."""
        swaps = [
            (builtins, "input", _refuse_input),
            (getpass, "getpass", _refuse_input),
            (self._shell, "ask_exit", _refuse_exit),
            (self._shell, "_showtraceback", self._on_shown_traceback),
            (self._shell.payload_manager, "write_payload", self._on_payload),
        ]
        with _swapped(*swaps), self._showing_values():
            yield

    def show_value(self, value: Any) -> None:
        """Show `value` as the value of a cell."""
        if value is None:
            return
        data, metadata = mime_bundle(self._shell, value)
        if data:
            self._capture.result(data, metadata)

    @contextmanager
    def _showing_values(self) -> Iterator[None]:
        """The values of cells that the block runs are shown here; IPython's hook would put them into the user's Out."""
        trap: Any = self._shell.display_trap
        before = trap.hook, sys.displayhook
        trap.hook = sys.displayhook = self.show_value
        try:
            yield
        finally:
            trap.hook, sys.displayhook = before

    def _on_payload(self, payload: dict[str, Any], single: bool = True) -> None:
        """What asks the front end for more than an output: `name?` opens a pager, `%load` writes the next cell."""
        if payload.get("source") == "page":
            self._capture.publish(payload["data"], {}, None)
        else:
            self._capture.write("stderr", f"a block cannot ask the notebook for {payload.get('source')!r}\n")

    def _on_shown_traceback(self, kind: type[BaseException], value: BaseException, traceback: list[str]) -> None:
        """What a magic or a formatter caught, and shows, is an error of the block."""
        self.words += f"{kind.__name__}: {value}\n"
        self._capture.error(kind.__name__, str(value), traceback)


@contextmanager
def _swapped(*swaps: tuple[Any, str, Any]) -> Iterator[None]:
    """Set attributes, and put back what was there."""
    before = [(target, name, vars(target).get(name, _MISSING)) for target, name, _ in swaps]
    for target, name, value in swaps:
        setattr(target, name, value)
    try:
        yield
    finally:
        for target, name, old in before:
            if old is _MISSING:
                delattr(target, name)
            else:
                setattr(target, name, old)


def _refuse_input(prompt: object = "", *_: Any, **__: Any) -> NoReturn:
    raise RuntimeError(
        f"a block cannot ask for input: nobody sees the prompt {str(prompt)!r}; put the value into the code instead"
    )


def _refuse_exit() -> NoReturn:
    raise SystemExit("a block cannot end the kernel")
