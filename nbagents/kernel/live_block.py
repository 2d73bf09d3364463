"""`LiveBlock`: one block of agent code, run in the user's namespace as if it were a cell, and yet none.

`run_cell_async` from a task gives the agent's value the number of the user's next cell, loses results when cells
overlap, and publishes errors into the wrong cell (measured). So a block is compiled and run here: In, Out, `_`, the
history and the execution count stay the user's. Its code runs in stretches, from one `await` to the next; whatever
must be different for agent code (interrupts, `input`, figures) is so only during a stretch.
"""

from __future__ import annotations

import asyncio
import builtins
import getpass
import inspect
import time
import weakref
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from ..cancellation import CancellationToken
from ..code import CodeResult
from .block_error import error_traceback, error_words
from .block_figures import BlockFigures, mime_bundle
from .block_guard import BlockGuard
from .block_source import compile_block, next_filename
from .capture import CAPTURE, Capture
from .capture_patch import capturing, drain_file_descriptors, holding_main_thread
from .output_text import cut_middle, plain_text

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

T = TypeVar("T")
_MISSING = object()

CLEAN_UP_SECONDS = 0.5
"""How long a block may go on after it was cancelled, before it is closed."""
CANCEL_AGAIN_SECONDS = 0.2

_UNENDING: list[Coroutine[Any, Any, Any]] = []
"""Blocks that ignored even being closed. Nobody resumes them; their destructor would complain in a cell of the user."""


class BlockInterrupted(Exception):
    """A person interrupted the block, and it let that through."""


@dataclass(frozen=True, slots=True)
class _Step:
    """How a stretch of a coroutine ended: at its end, or at a future that it awaits."""

    ended: bool
    value: Any


class LiveBlock:
    """One block; runs once, in a task of its own.

    Args:
        shell: whose namespace it runs in.
        code: what the agent wrote.
        timeout: seconds that it may take; None for any.
    """

    def __init__(self, shell: InteractiveShell, code: str, timeout: float | None) -> None:
        self._shell = shell
        self._code = code
        self._timeout = timeout
        self._filename = next_filename()
        self._capture = Capture()
        self._figures = BlockFigures()
        self._context = copy_context()
        self._context.run(CAPTURE.set, self._capture)
        self._words = ""
        self._guard = BlockGuard(self._capture, timeout)
        self._task: asyncio.Task[CodeResult] | None = None
        self._cancelled = False

    async def run(self, token: CancellationToken) -> CodeResult:
        """Run it to its end; however it ends, none of it goes on.

        Raises:
            BlockInterrupted: a person interrupted it.
            asyncio.CancelledError: the token or the caller was cancelled.
        """
        loop = asyncio.get_running_loop()
        self._task = task = loop.create_task(self._run_in_task(), name="live block")
        token.add_callback(partial(_stop_from_any_thread, loop, weakref.ref(self)))
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                self._cancel()
        if self._cancelled:
            raise asyncio.CancelledError
        return task.result()

    def _cancel(self) -> None:
        self._cancelled = True
        if self._task is not None:
            self._task.cancel()

    @property
    def _ending(self) -> bool:
        """It was cancelled. `Task.cancelling` does not tell: a TaskGroup in a block cancels the block's task, too."""
        return self._cancelled or self._guard.cancels

    async def _run_in_task(self) -> CodeResult:
        with capturing(self._shell), self._guard:
            try:
                await self._run_and_show()
            finally:
                with holding_main_thread(self._shell, self._capture):
                    drain_file_descriptors()
                self._capture.closed = True
        outputs = self._capture.outputs()
        text = plain_text(outputs)
        if self._words:
            text += "\n" if text and not text.endswith("\n") else ""
            text += cut_middle(self._words.strip())
        return CodeResult(exit_code=int(self._capture.failed), output=text, outputs=outputs)

    async def _run_and_show(self) -> None:
        """What a cell does: run, show the value, show the figures. An error is shown last."""
        error: BaseException | None = None
        try:
            self._show_value(await self._run())
        except BaseException as raised:
            error = raised
        if self._guard.timed_out:
            self._say_timed_out()
            return
        if self._guard.interrupted and isinstance(error, KeyboardInterrupt | asyncio.CancelledError):
            raise BlockInterrupted from None
        if isinstance(error, GeneratorExit):
            raise error
        if self._cancelled:  # also when the block swallowed it
            raise asyncio.CancelledError
        try:
            self._stretch(partial(self._figures.show_and_close, self._shell))
        except BaseException as raised:
            error = error or raised
        if error is not None:
            self._tell(error)

    async def _run(self) -> Any:
        source = self._stretch(partial(compile_block, self._shell, self._code, self._filename))
        value = None
        for code in (source.statements, source.value):
            if code is not None:
                namespaces = self._shell.user_global_ns, self._shell.user_ns
                value = self._stretch(partial(eval, code, *namespaces))
                if code.co_flags & inspect.CO_COROUTINE:
                    value = await _Stretches(value, self._stretch, lambda: self._ending)
        return value if source.value is not None else None

    def _show_value(self, value: Any) -> None:
        if value is None:
            return
        data, metadata = self._stretch(partial(mime_bundle, self._shell, value))
        if data:
            self._capture.result(data, metadata)

    def _stretch(self, call: Callable[[], T]) -> T:
        """Run a piece of the block's code on the main thread, under everything that is different for agent code."""
        with ExitStack() as different:
            different.enter_context(holding_main_thread(self._shell, self._capture))
            different.enter_context(self._figures.current())
            different.enter_context(_swapped(*self._swaps()))
            different.enter_context(self._shell.builtin_trap)
            return self._guard.run(partial(self._context.run, call))

    def _swaps(self) -> list[tuple[Any, str, Any]]:
        return [
            (builtins, "input", _refuse_input),
            (getpass, "getpass", _refuse_input),
            (self._shell, "ask_exit", _refuse_exit),
            (self._shell, "_showtraceback", self._on_shown_traceback),
            (self._shell.payload_manager, "write_payload", self._on_payload),
        ]

    def _on_payload(self, payload: dict[str, Any], single: bool = True) -> None:
        """What asks the front end for more than an output: `name?` opens a pager, `%load` writes the next cell."""
        if payload.get("source") == "page":
            self._capture.publish(payload["data"], {}, None)
        else:
            self._capture.write("stderr", f"a block cannot ask the notebook for {payload.get('source')!r}\n")

    def _on_shown_traceback(self, kind: type[BaseException], value: BaseException, traceback: list[str]) -> None:
        """What a magic or a formatter caught, and shows, is an error of the block."""
        self._words += f"{kind.__name__}: {value}\n"
        self._capture.error(kind.__name__, str(value), traceback)

    def _tell(self, error: BaseException) -> None:
        """Telling of an error runs code of the block again: its `__str__`."""
        name = type(error).__name__
        try:
            words = self._stretch(partial(error_words, error, self._filename))
            lines = self._stretch(partial(error_traceback, self._shell, error, self._filename))
        except BaseException:
            words, lines = name, [name]
        if self._guard.timed_out:
            self._say_timed_out()
            return
        self._words += words
        self._capture.error(name, words.rpartition(f"{name}: ")[2], lines)

    def _say_timed_out(self) -> None:
        said = f"timed out after {self._timeout:g} s"
        self._words += said
        self._capture.error("TimeoutError", said, [f"TimeoutError: {said}"])


class _Stretches:
    """Awaits a coroutine of the block, each of its stretches through `stretch`, and ends it when it is `ending`."""

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, Any],
        stretch: Callable[[Callable[[], Any]], Any],
        ending: Callable[[], bool],
    ) -> None:
        self._coroutine, self._stretch, self._ending = coroutine, stretch, ending

    def __await__(self) -> Generator[Any, Any, Any]:
        resume = partial(self._coroutine.send, None)
        cancelled_at = 0.0
        while True:
            step = self._stretch(partial(_step, resume))
            if step.ended:
                return step.value
            if self._ending():
                cancelled_at = cancelled_at or time.monotonic()
                if time.monotonic() - cancelled_at > CLEAN_UP_SECONDS:
                    self._close()
                _cancel_again_later()
            try:
                resume = partial(self._coroutine.send, (yield step.value))
            except GeneratorExit:
                self._coroutine.close()
                raise
            except BaseException as error:
                resume = partial(self._coroutine.throw, error)

    def _close(self) -> NoReturn:
        """End a block that swallows its cancellation."""
        try:
            self._stretch(self._coroutine.close)
        except RuntimeError:
            _UNENDING.append(self._coroutine)
        raise asyncio.CancelledError


def _step(resume: Callable[[], Any]) -> _Step:
    try:
        return _Step(False, resume())
    except StopIteration as end:
        return _Step(True, end.value)


def _cancel_again_later() -> None:
    """A block that was cancelled may await what cleans up, for a moment."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().call_later(CANCEL_AGAIN_SECONDS, task.cancel)


def _stop_from_any_thread(loop: asyncio.AbstractEventLoop, block: weakref.ref[LiveBlock]) -> None:
    """What a token calls; it outlives the block, and must not keep what the block showed."""
    running = block()
    if running is not None:
        running._guard.stop()
        loop.call_soon_threadsafe(running._cancel)


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
