"""The SDK's client object of a model client: made at the first call, one for each event loop that asks.

Its sockets belong to the loop on which they were opened: used from another one (a second `asyncio.run`, the I/O
thread) they fail in ways that look like the server's fault.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary, finalize


class Closable(Protocol):
    """What is needed of an SDK's client."""

    def close(self) -> Awaitable[None]:
        """Close its sockets."""


T = TypeVar("T", bound=Closable)


class SDKConnection(Generic[T]):
    """The SDK's clients of one model client.

    Args:
        make: imports the SDK and makes a client; called in a thread, because that takes long enough to hold up a cell.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: WeakKeyDictionary[asyncio.AbstractEventLoop, T] = WeakKeyDictionary()
        self._one: T | None = None
        finalize(self, _abandon, self._made).atexit = False

    @property
    def one(self) -> T:
        """One client for all loops, from now on: what somebody does to it is done to every call."""
        if self._one is None:
            self._one = self._make()
        return self._one

    @one.setter
    def one(self, sdk: T) -> None:
        self._one = sdk

    async def sdk(self) -> T:
        """The client of the running loop."""
        if self._one is not None:
            return self._one
        loop = asyncio.get_running_loop()
        found = self._made.get(loop)
        if found is None:
            made = await asyncio.to_thread(self._make)
            found = self._made.setdefault(loop, made)  # a call made meanwhile may have been first
        return found

    async def close(self) -> None:
        """Close all; one whose loop has ended lost its sockets with it.

        The next call makes a new one, unless somebody has got hold of `one`: that stays closed.
        """
        running = asyncio.get_running_loop()
        if self._one is not None:
            await self._one.close()
        for loop, sdk in list(self._made.items()):
            self._made.pop(loop, None)
            if loop is running:
                await sdk.close()
            elif loop.is_running():
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_closed(sdk), loop))


async def _closed(sdk: Closable) -> None:
    await sdk.close()


def _abandon(made: WeakKeyDictionary[asyncio.AbstractEventLoop, Any]) -> None:
    """Close the sockets of a client that nobody has any more and nobody closed, each on its own loop."""
    for loop, sdk in list(made.items()):
        with suppress(RuntimeError):  # the loop was closed meanwhile, and its sockets with it
            if loop.is_running():
                loop.call_soon_threadsafe(_close_soon, loop, sdk)


_closing: set[asyncio.Task[None]] = set()


def _close_soon(loop: asyncio.AbstractEventLoop, sdk: Closable) -> None:
    task = loop.create_task(_closed(sdk))
    _closing.add(task)  # a loop keeps no task alive
    task.add_done_callback(_closing.discard)
