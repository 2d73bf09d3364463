"""Awaiting what a `CancellationToken` can end: a request, and a stream of pieces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
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


def closing(stream: Any) -> AbstractAsyncContextManager[Any]:
    """`stream`, closed with the block: an SDK's own, or any async iterator that a test puts in its place."""
    if hasattr(stream, "__aenter__"):
        own: AbstractAsyncContextManager[Any] = stream
        return own
    return aclosing(stream) if hasattr(stream, "aclose") else nullcontext(stream)
