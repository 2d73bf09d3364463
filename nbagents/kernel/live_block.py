"""`LiveBlock`: one block of agent code, run in the user's namespace as if it were a cell, and yet none.

`run_cell_async` from a task gives the agent's value the number of the user's next cell, loses results when cells
overlap, and publishes errors into the wrong cell (measured). So a block is compiled and run here: In, Out, `_`, the
history and the execution count stay the user's. Its code runs in stretches, from one `await` to the next; whatever
must be different for agent code (interrupts, `input`, figures) is so only during a stretch.
"""

from __future__ import annotations

import asyncio
import inspect
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ..cancellation import CancellationToken
from ..code import CodeResult
from ..executors.output_text import cut_middle, plain_text
from .block_error import error_traceback, error_words
from .block_figures import BlockFigures
from .block_guard import BlockGuard
from .block_shell import BlockShell
from .block_source import compile_block, next_filename
from .capture import CAPTURE, Capture
from .capture_patch import capturing, holding_main_thread
from .child_output import ChildOutput
from .interrupts import let_interrupts_arrive
from .namespace_changes import NamespaceChanges
from .stretches import CANCEL_AGAIN_SECONDS, Stretches

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

T = TypeVar("T")

LATE_SECONDS = 1.5
"""Who stopped a block is told why when it took longer than this."""


class BlockInterrupted(Exception):
    """A person interrupted the block, and it let that through."""


class LiveBlock:
    """One block; runs once, in a task of its own.

    Args:
        shell: whose namespace it runs in.
        code: what the agent wrote.
        timeout: seconds that it may take; None for any.

    Attributes:
        changes: what it did to the user's variables; also when it failed or was interrupted.
    """

    def __init__(self, shell: InteractiveShell, code: str, timeout: float | None) -> None:
        self.changes = NamespaceChanges(shell.user_ns, shell.user_ns_hidden)
        self._shell = shell
        self._code = code
        self._timeout = timeout
        self._filename = next_filename()
        self._capture = Capture()
        self._figures = BlockFigures()
        self._context = copy_context()
        self._context.run(CAPTURE.set, self._capture)
        self._block_shell = BlockShell(shell, self._capture)
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
        # What watches over a block is not the code of the block that may have asked for it, and not struck with that.
        ours = copy_context()
        ours.run(CAPTURE.set, None)
        self._task = task = loop.create_task(self._run_in_task(), name="live block", context=ours)
        token.add_callback(partial(_stop_from_any_thread, loop, weakref.ref(self)))
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                self._cancel()
            except BaseException:  # an interrupt that struck the block which asked for this one
                self._cancel()
                raise
        if self._cancelled:
            if not task.cancelled():
                task.exception()  # that it was also interrupted is nothing that asyncio should complain about
            raise asyncio.CancelledError(self.stopped_late())
        return task.result()

    def _cancel(self) -> None:
        self._cancelled = True
        self._guard.interrupt_arrived()
        if self._task is None:
            return
        if self._guard.interrupted:  # it may be cleaning up
            self._task.get_loop().call_later(CANCEL_AGAIN_SECONDS, self._task.cancel)
        else:
            self._task.cancel()

    def stopped_late(self) -> str:
        """What is to be said when Stop or the timeout took effect only later; "" when it did at once."""
        late = self._guard.seconds_late()
        if late < LATE_SECONDS:
            return ""
        return f"only {late:.0f} s after it was to: a call that cannot be interrupted had to return first"

    @property
    def _ending(self) -> bool:
        """It was cancelled. `Task.cancelling` does not tell: a TaskGroup in a block cancels the block's task, too."""
        return self._cancelled or self._guard.cancels

    async def _run_in_task(self) -> CodeResult:
        children = ChildOutput()
        with capturing(self._shell), self._guard:
            try:
                await self._run_and_show()
            finally:
                if self._ending or self._guard.interrupted or self._guard.timed_out:
                    self._guard.stop_inner()
                with holding_main_thread(self._shell, self._capture):
                    children.drain()
                self._capture.closed = True
        return self.result(int(self._capture.failed))

    def result(self, exit_code: int) -> CodeResult:
        """What it did so far."""
        outputs = self._capture.outputs()
        text = plain_text(outputs)
        if words := (self._block_shell.words + self._words).strip():
            text += "\n" if text and not text.endswith("\n") else ""
            text += cut_middle(words)
        return CodeResult(exit_code=exit_code, output=text, outputs=outputs, names=self.changes.told())

    async def _run_and_show(self) -> None:
        """What a cell does: run, show the value, show the figures. An error is shown last."""
        error: BaseException | None = None
        try:
            value = await self._run()
            self._stretch(partial(self._block_shell.show_value, value))
        except BaseException as raised:
            error = raised
        self._end_if_interrupted(error)
        if self._guard.timed_out:
            self._say_timed_out()
            return
        if isinstance(error, GeneratorExit):
            raise error
        if self._cancelled:  # also when the block swallowed it
            raise asyncio.CancelledError
        try:
            self._stretch(partial(self._figures.show_and_close, self._shell))
        except BaseException as raised:
            self._end_if_interrupted(raised)
            error = error or raised
        if error is not None:
            self._tell(error)

    def _end_if_interrupted(self, error: BaseException | None) -> None:
        """What a person interrupts ends the run, also when time was over before the block had cleaned up."""
        struck = isinstance(error, KeyboardInterrupt | asyncio.CancelledError) or self._guard.timed_out
        if self._guard.interrupted and struck:
            raise BlockInterrupted from None

    async def _run(self) -> Any:
        await let_interrupts_arrive()
        source = self._stretch(partial(compile_block, self._shell, self._code, self._filename))
        self.changes.in_place |= source.changes_inside & self._shell.user_ns.keys()
        value = None
        for code in (source.statements, source.value):
            if code is not None:
                namespaces = self._shell.user_global_ns, self._shell.user_ns
                value = self._stretch(partial(eval, code, *namespaces))
                if code.co_flags & inspect.CO_COROUTINE:
                    value = await Stretches(value, self._stretch, lambda: self._ending)
        return value if source.value is not None else None

    def _stretch(self, call: Callable[[], T]) -> T:
        """Run a piece of the block's code on the main thread, under everything that is different for agent code."""
        with ExitStack() as different:
            different.enter_context(holding_main_thread(self._shell, self._capture))
            different.enter_context(self._figures.current())
            different.enter_context(self._block_shell.current())
            different.enter_context(self._shell.builtin_trap)
            different.enter_context(self.changes.watching())
            return self._guard.run(partial(self._context.run, call))

    def _tell(self, error: BaseException) -> None:
        """Telling of an error runs code of the block again: its `__str__`."""
        name = type(error).__name__
        self._guard.ends = True
        try:
            words = self._stretch(partial(error_words, error, self._filename))
            lines = self._stretch(partial(error_traceback, self._shell, error, self._filename))
        except BaseException as raised:
            self._end_if_interrupted(raised)
            words, lines = name, [name]
        if self._guard.stopping:  # formatting swallows whatever `__str__` raises
            raise BlockInterrupted
        if self._guard.timed_out:
            self._say_timed_out()
            return
        self._words += words
        self._capture.error(name, words.rpartition(f"{name}: ")[2], lines)

    def _say_timed_out(self) -> None:
        said = f"timed out after {self._timeout:g} s"
        if late := self.stopped_late():
            said += f", and ended {late}"
        self._words += said
        self._capture.error("TimeoutError", said, [f"TimeoutError: {said}"])


def _stop_from_any_thread(loop: asyncio.AbstractEventLoop, block: weakref.ref[LiveBlock]) -> None:
    """What a token calls; it outlives the block, and must not keep what the block showed."""
    running = block()
    if running is not None:
        running._guard.stop()
        loop.call_soon_threadsafe(running._cancel)
