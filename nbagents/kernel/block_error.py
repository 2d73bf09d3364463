"""Tells of an exception in a block: to a notebook as it shows errors, to people and models in the fewest words.

Only the block's own lines are told. Frames of IPython, of libraries and of this package say nothing to whoever wrote
the block, and paths say where somebody's files are.
"""

from __future__ import annotations

import linecache
import traceback
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

MAX_LINES = 5


def error_words(error: BaseException, filename: str) -> str:
    """The lines of the block in which it happened, outermost first, and what happened last.

    For example::

        line 4: total(rows)
        line 2, in total: return sum(row["price"] for row in rows)
        KeyError: 'price'
    """
    if isinstance(error, SyntaxError) and error.filename == filename:
        lines = [_line(filename, error.lineno or 1)]
        said = f"{type(error).__name__}: {error.msg}"
    else:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == filename]
        lines = [_line(filename, frame.lineno or 1, frame.name) for frame in frames[-MAX_LINES:]]
        said = "".join(traceback.format_exception_only(error)).strip()
    if isinstance(error, BaseExceptionGroup):
        said = "\n".join([said, *(f"  {type(inner).__name__}: {inner}" for inner in error.exceptions[:MAX_LINES])])
    return "\n".join([*lines, said])


def error_traceback(shell: InteractiveShell, error: BaseException, filename: str) -> list[str]:
    """The traceback as IPython shows it in a cell, from the block's first line on."""
    kind, frames = type(error), error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != filename:
        frames = frames.tb_next
    try:
        if hasattr(error, "_render_traceback_"):
            return [str(line) for line in error._render_traceback_() or []]
        if isinstance(error, SyntaxError) and error.filename == filename:
            return list(shell.SyntaxTB.structured_traceback(kind, error, None))
        return list(shell.InteractiveTB.structured_traceback(kind, error, frames, tb_offset=0))
    except Exception:  # what a traceback shows is code of the block: its repr and str may raise
        return _plain_traceback(error, frames)


def _plain_traceback(error: BaseException, frames: TracebackType | None) -> list[str]:
    return [*traceback.format_tb(frames), *traceback.format_exception_only(error)]


def _line(filename: str, number: int, function: str = "<module>") -> str:
    where = f"line {number}" if function == "<module>" else f"line {number}, in {function}"
    return f"{where}: {linecache.getline(filename, number).strip()}"
