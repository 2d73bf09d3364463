"""Takes secrets out of errors: a server quotes the key that it refuses, and somebody prints the traceback."""

from __future__ import annotations

from collections.abc import Callable

from .redaction import redacted

Redact = Callable[[str], str]


def redact_error(error: BaseException, redact: Redact) -> None:
    """Take the secrets out of `error` and of all that led to it.

    An earlier error that keeps its text where it cannot be changed is cut off from the one that it led to.
    """
    _redact(error, redact, {id(error)})


def _redact(error: BaseException, redact: Redact, seen: set[int]) -> bool:
    """True when no secret is left in the text of `error`."""
    error.args = tuple(redacted(argument, redact) for argument in error.args)
    if hasattr(error, "__notes__"):
        error.__notes__ = redacted(error.__notes__, redact)
    for link in ("__cause__", "__context__"):
        earlier: BaseException | None = getattr(error, link)
        if earlier is None or id(earlier) in seen:
            continue
        seen.add(id(earlier))
        if not _redact(earlier, redact, seen):
            silent = error.__suppress_context__
            setattr(error, link, None)
            error.__suppress_context__ = silent
    return redact(_text(error)) == _text(error)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # its `__str__` is somebody's code
        return ""
