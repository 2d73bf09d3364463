"""Tells whether one task waits for another, through however many tasks, `gather`s, `wait`s and groups.

A block that waited for the end of a cell that waits for the block would hang both. Before Python 3.14 asyncio has no
question for that, but every way to await leaves a callback on what is awaited; the callbacks are followed here.
"""

from __future__ import annotations

import asyncio
import collections
import functools
import gc
from collections.abc import Iterator
from types import BuiltinMethodType, FunctionType, MethodType
from typing import Any

MOST_LOOKED_AT = 1000


def waits_for(waiting: asyncio.Task[Any], awaited: asyncio.Task[Any]) -> bool:
    """True when the end of `awaited` is, directly or not, what `waiting` is suspended for."""
    seen: set[int] = set()
    unseen: list[asyncio.Future[Any]] = [awaited]
    while unseen and len(seen) < MOST_LOOKED_AT:
        future = unseen.pop()
        if future is waiting:
            return True
        if id(future) not in seen:
            seen.add(id(future))
            for callback, *_ in getattr(future, "_callbacks", None) or ():  # semi-private, in C and Python the same
                unseen += _futures_behind(callback)
    return False


def _futures_behind(callback: Any) -> Iterator[asyncio.Future[Any]]:
    """The futures that a done-callback will do something to."""
    for value in _held_by(callback):
        if isinstance(value, asyncio.Future):
            yield value
        elif isinstance(value, functools.partial | FunctionType | MethodType):
            yield from _futures_behind(value)
        elif _is_of_asyncio(value):
            yield from _futures_of(value)


def _futures_of(value: Any, depth: int = 2) -> Iterator[asyncio.Future[Any]]:
    """Those of a TaskGroup (its task), of a Queue or an Event (who waits for it), of what has a Queue."""
    for held in list(vars(value).values()):
        for inner in list(held) if isinstance(held, collections.deque) else [held]:
            if isinstance(inner, asyncio.Future):
                yield inner
            elif depth > 1 and _is_of_asyncio(inner):
                yield from _futures_of(inner, depth - 1)


def _is_of_asyncio(value: Any) -> bool:
    is_loop = isinstance(value, asyncio.AbstractEventLoop)
    return type(value).__module__.startswith("asyncio.") and hasattr(value, "__dict__") and not is_loop


def _held_by(callback: Any) -> list[Any]:
    if isinstance(callback, functools.partial):
        return [callback.func, *callback.args]
    if isinstance(callback, FunctionType):
        return [cell.cell_contents for cell in callback.__closure__ or () if not _is_empty(cell)]
    if isinstance(callback, MethodType | BuiltinMethodType):
        return [callback.__self__]
    return gc.get_referents(callback)  # the wake-up of a task in Python 3.11, which names its task nowhere else


def _is_empty(cell: Any) -> bool:
    try:
        return cell.cell_contents is None
    except ValueError:
        return True
