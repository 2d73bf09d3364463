"""`Stretches`: awaits a coroutine of a block piece by piece, from one `await` to the next.

Each piece runs through a function of the block's, which makes different what must be different for agent code and
puts it back before anything else gets the loop. A block that was cancelled may clean up for a moment; then it is
closed.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

CLEAN_UP_SECONDS = 0.5
"""How long a block may go on after it was cancelled, before it is closed."""
CANCEL_AGAIN_SECONDS = 0.2
_UNENDING: list[Coroutine[Any, Any, Any]] = []
"""Blocks that ignored even being closed. Nobody resumes them; their destructor would complain in a cell of the user."""


@dataclass(frozen=True, slots=True)
class _Step:
    """How a stretch of a coroutine ended: at its end, or at a future that it awaits."""

    ended: bool
    value: Any


class Stretches:
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
            try:
                step = self._stretch(partial(_step, resume))
            except BaseException as interrupt:
                step = self._pass_on(interrupt)
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

    def _pass_on(self, interrupt: BaseException) -> _Step:
        """An interrupt that struck when the block already awaited, on our way out of it, is meant for the block."""
        try:
            if inspect.getcoroutinestate(self._coroutine) != inspect.CORO_SUSPENDED:
                raise interrupt
            step: _Step = self._stretch(partial(_step, partial(self._coroutine.throw, interrupt)))
            return step
        except BaseException:
            self._coroutine.close()  # struck before its first line, or once more on the way out
            raise

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
