"""Makes every further line of some frames raise: the end of ``while True: try: ... except: pass``.

Such code swallows one exception after the other; it is left only by an exception out of its `except`. From Python
3.12 on `sys.monitoring` raises at each line until it is undone. Before that a trace function does, but Python drops
a trace function that raises: there, code that swallows in more than two nested places is not left.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

_TOOL_IDS = (4, 3)
"""Ids that Python leaves to anybody."""


def insist(frames: list[FrameType], error: type[BaseException]) -> Callable[[], None]:
    """Raise `error` at the next lines of `frames`; returns what undoes it."""
    # Only what a person or an agent wrote: library code may be running in other threads as well.
    frames = [frame for frame in frames if _is_of_user(frame)]
    if sys.version_info >= (3, 12):
        return _insist_by_monitoring({frame.f_code for frame in frames}, error)
    return _insist_by_tracing(frames, error)


def _is_of_user(frame: FrameType) -> bool:
    return frame.f_globals.get("__name__") == "__main__"


def _insist_by_monitoring(codes: set[CodeType], error: type[BaseException]) -> Callable[[], None]:
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined, unused-ignore]  # new in Python 3.12
    tool = next((id for id in _TOOL_IDS if monitoring.get_tool(id) is None), None)
    if tool is None:
        return lambda: None

    def on_line(code: CodeType, line: int) -> None:
        raise error

    def undo() -> None:
        for code in codes:
            monitoring.set_local_events(tool, code, 0)
        monitoring.register_callback(tool, monitoring.events.LINE, None)
        monitoring.free_tool_id(tool)

    monitoring.use_tool_id(tool, "nbagents")
    monitoring.register_callback(tool, monitoring.events.LINE, on_line)
    for code in codes:
        monitoring.set_local_events(tool, code, monitoring.events.LINE)
    return undo


def _insist_by_tracing(frames: list[FrameType], error: type[BaseException]) -> Callable[[], None]:
    before = sys.gettrace()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            raise error
        return trace if _is_of_user(frame) else None

    sys.settrace(trace)
    for frame in frames:
        frame.f_trace = trace
    return lambda: sys.settrace(before)
