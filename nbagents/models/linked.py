"""Awaiting what a `CancellationToken` can end: a request, and a stream of pieces."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, aclosing
from types import AsyncGeneratorType
from typing import Any, TypeVar

from ..cancellation import CancellationToken

T = TypeVar("T")


async def linked(work: Awaitable[T], token: CancellationToken | None) -> T:
    """Await `work`; it ends with the token, or with whoever awaits this."""
    if token is None:
        return await work
    task = asyncio.ensure_future(work)
    token.link_future(task)
    return await task


async def linked_items(items: AsyncIterator[T], token: CancellationToken | None) -> AsyncGenerator[T, None]:
    """Yield the items; waiting for the next one ends with the token."""
    end = object()
    while True:
        item = await linked(anext(items, end), token)
        if item is end:
            return
        yield item  # type: ignore[misc]  # everything but the end is an item


def closing(stream: T) -> AbstractAsyncContextManager[T]:
    """As `contextlib.aclosing`, for any async iterator: an SDK's has a `close`, somebody's own may have neither."""
    return aclosing(stream) if isinstance(stream, AsyncGeneratorType) else _Closing(stream)


class _Closing(AbstractAsyncContextManager[T]):
    def __init__(self, stream: T) -> None:
        self._stream = stream

    async def __aenter__(self) -> T:
        return self._stream

    async def __aexit__(self, *error: object) -> None:
        kind: Any = type(self._stream)  # a mock itself has whatever it is asked for
        close = getattr(kind, "aclose", None) or getattr(kind, "close", None)
        closed = close(self._stream) if close is not None else None
        if inspect.isawaitable(closed):
            await closed
