"""Asking a model again when asking again may help: one policy for all clients.

The SDKs' own retries are switched off: they cannot be seen, and they take a stream that breaks for an answer. stamina
counts and waits; what is decided here is what deserves another attempt (`ModelError.transient`), how long to wait (what
the server asks for, else longer each time), and that nothing is asked again once a part of the answer was handed on:
the reader would read its beginning twice.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from ..cancellation import CancellationToken
from ..errors import ModelError
from .linked import linked
from .messages import CreateResult
from .notices import RetryNotice, tell

T = TypeVar("T")

FIRST_WAIT, LONGEST_WAIT = 0.5, 20.0
"""Seconds before the first and before a late retry, where the server does not say how long; a half more by chance."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long a request is repeated.

    Args:
        retries: attempts after the first.
        seconds: no attempt begins later than this after the first; a server that asks for a longer pause is not
            waited for.
    """

    retries: int = 2
    seconds: float = 120.0

    async def whole(self, ask: Callable[[], Awaitable[T]], token: CancellationToken | None = None) -> T:
        """What `ask` returns, asked as often as it takes; the token ends a wait as it ends a request.

        Raises:
            ModelError: of the last attempt.
        """
        return await (ask() if self.retries <= 0 else linked(self._repeated(ask), token))

    async def _repeated(self, ask: Callable[[], Awaitable[T]]) -> T:
        import stamina

        _silence_stamina()
        again = stamina.AsyncRetryingCaller(attempts=self.retries + 1, timeout=None)
        ours = _asking.set(True)
        try:
            return await again(_Decision(self).wait_after, ask)
        finally:
            _asking.reset(ours)

    async def streamed(
        self, ask: Callable[[], AsyncGenerator[str | CreateResult, None]], token: CancellationToken | None = None
    ) -> AsyncGenerator[str | CreateResult, None]:
        """The parts of the stream that `ask` returns; asked again only while it has not brought any.

        Raises:
            ModelError: of the last attempt.
        """

        async def begun() -> tuple[AsyncGenerator[str | CreateResult, None], str | CreateResult]:
            parts = ask()
            try:
                return parts, await anext(parts)
            except BaseException:
                await parts.aclose()
                raise

        parts, first = await self.whole(begun, token)
        async with aclosing(parts):
            yield first
            async for part in parts:
                yield part


class _Decision:
    """Whether, and when, one request is repeated."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy, self._began, self._failed = policy, time.monotonic(), 0

    def wait_after(self, error: Exception) -> float | bool:
        """Seconds to wait after `error`, or False. stamina asks after each attempt, the last one included."""
        self._failed += 1
        if not isinstance(error, ModelError) or not error.transient or self._failed > self._policy.retries:
            return False
        asked_for = error.retry_after
        wait = _growing(self._failed) if asked_for is None else asked_for
        if time.monotonic() - self._began + wait > self._policy.seconds:
            return False
        tell(RetryNotice(error.provider, error.model, error, self._failed, self._policy.retries + 1, wait))
        return wait


def _growing(failed: int) -> float:
    wait: float = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (failed - 1))
    return wait * (1 + random.random() / 2)


_asking: ContextVar[bool] = ContextVar("nbagents_asking", default=False)


@cache
def _silence_stamina() -> None:
    """Keep our retries out of stamina's log, which lands in red in the cell: the run shows them itself."""
    logging.getLogger("stamina").addFilter(lambda record: not _asking.get())
