"""The mark on the stack that tells agent code from everything else, and what is raised below it."""

from __future__ import annotations

from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")


class BlockTimeout(BaseException):
    """Raised in a block whose time is over. Not an Exception: a block's `except Exception` must not swallow it."""


def agent_code(call: Callable[[], T], guard: Any) -> T:
    """The mark: whatever runs below this frame is agent code, of the block of `guard`."""
    return call()


def frames_below_mark(frame: FrameType | None) -> list[FrameType]:
    """The frames of agent code, innermost first; none when the code that was interrupted is not agent code."""
    frames: list[FrameType] = []
    while frame is not None:
        frames.append(frame)
        if frame.f_code is agent_code.__code__:
            return frames
        frame = frame.f_back
    return []


def guard_of(frames: list[FrameType]) -> Any:
    """Of the innermost block; `frames` as `frames_below_mark` found them."""
    return frames[-1].f_locals["guard"]
