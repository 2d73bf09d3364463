"""`@message_handler`, `@event` and `@rpc`: a method whose type hints say what it takes and what it answers."""

from __future__ import annotations

import functools
import inspect
import logging
import sys
import types
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any, Literal, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints, overload

from .context import MessageContext
from .exceptions import CantHandleException

logger = logging.getLogger("nbagents.runtime")

Kind = Literal["any", "event", "rpc"]
Match = Callable[[Any, MessageContext], bool]
Method = Callable[[Any, Any, MessageContext], Coroutine[Any, Any, Any]]
F = TypeVar("F", bound=Callable[..., Coroutine[Any, Any, Any]])


class MessageHandler(Protocol):
    """A method of an agent that takes messages; what the decorators make."""

    target_types: list[type[Any]]
    """The classes of messages that it takes, exactly."""
    produces_types: list[Any]
    """What it answers; `Any` when its hints do not say."""
    is_message_handler: Literal[True]
    router: Match
    """Whether it takes this message of one of these classes."""

    def __call__(self, agent: Any, message: Any, ctx: MessageContext) -> Coroutine[Any, Any, Any]: ...


@overload
def message_handler(func: F) -> F: ...


@overload
def message_handler(func: None = None, *, strict: bool = True, match: Match | None = None) -> Callable[[F], F]: ...


def message_handler(func: Any = None, *, strict: bool = True, match: Match | None = None) -> Any:
    """A method that handles messages, sent and published.

    It is written ``async def name(self, message: T, ctx: MessageContext) -> R``; without "-> R" it may answer anything.

    Args:
        func: the method.
        strict: raise when a message or an answer is of another class than the hints say; False logs a warning.
        match: says which messages of these classes; handlers are asked in the alphabetical order of their names.

    Raises:
        AssertionError: the method does not hint the type of its `message`.
    """
    return _decorated(func, "any", strict, match)


@overload
def event(func: F) -> F: ...


@overload
def event(func: None = None, *, strict: bool = True, match: Match | None = None) -> Callable[[F], F]: ...


def event(func: Any = None, *, strict: bool = True, match: Match | None = None) -> Any:
    """As `message_handler`, for publications only; it answers nothing."""
    return _decorated(func, "event", strict, match)


@overload
def rpc(func: F) -> F: ...


@overload
def rpc(func: None = None, *, strict: bool = True, match: Match | None = None) -> Callable[[F], F]: ...


def rpc(func: Any = None, *, strict: bool = True, match: Match | None = None) -> Any:
    """As `message_handler`, for messages sent to this agent alone."""
    return _decorated(func, "rpc", strict, match)


def _decorated(func: Method | None, kind: Kind, strict: bool, match: Match | None) -> Any:
    if func is None:
        return lambda method: _handler(method, kind, strict, match, _names_around(sys._getframe(1)))
    return _handler(func, kind, strict, match, _names_around(sys._getframe(2)))


def _names_around(frame: Any) -> Mapping[str, Any]:
    """What a class body and the function around it can name: hints that are text may mean classes defined there."""
    around = frame.f_back.f_locals if frame.f_back else {}
    return {**around, **frame.f_locals}


def _handler(method: Method, kind: Kind, strict: bool, match: Match | None, names: Mapping[str, Any]) -> MessageHandler:
    hints = _hints(method, names)
    assert "message" in hints, "message parameter not found in function signature"
    takes, answers = types_in(hints["message"]), types_in(hints.get("return", Any))
    classes = tuple(get_origin(answer) or answer for answer in answers)
    any_answer = any(answer is Any or not isinstance(answer, type) for answer in classes)

    @functools.wraps(method)
    async def handle(self: Any, message: Any, ctx: MessageContext) -> Any:
        if type(message) not in takes:
            problem = f"Message type {type(message)} not in target types {takes}"
            if strict:
                raise CantHandleException(problem)
            logger.warning(problem)
        answer = await method(self, message, ctx)
        if not any_answer and not isinstance(answer, classes):
            problem = f"Return type {type(answer)} not in return types {answers} of {method.__qualname__}"
            if strict:
                raise ValueError(problem)
            logger.warning(problem)
        return None if kind == "event" else answer

    handler: Any = handle
    handler.target_types, handler.produces_types, handler.is_message_handler = [*takes], [*answers], True
    handler.router, handler.routes_all = _router(kind, match), kind == "any" and match is None
    return handler  # type: ignore[no-any-return]  # a function with the attributes of the protocol


def _router(kind: Kind, match: Match | None) -> Match:
    if kind == "any":
        return match or (lambda _message, _ctx: True)
    wants_rpc = kind == "rpc"
    return lambda message, ctx: ctx.is_rpc is wants_rpc and (match is None or match(message, ctx))


def _hints(method: Method, names: Mapping[str, Any]) -> dict[str, Any]:
    assert inspect.isfunction(method), f"a message handler is a method, not {method!r}"
    try:
        return get_type_hints(method)
    except NameError:
        return get_type_hints(method, localns=dict(names))


def types_in(hint: Any) -> tuple[Any, ...]:
    """The classes that a hint allows: those of a union, else itself; `None` is ``NoneType``."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return tuple(kind for part in get_args(hint) for kind in types_in(part))
    if origin is Annotated:
        return types_in(get_args(hint)[0])
    return (type(None) if hint is None else hint,)
