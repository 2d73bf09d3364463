"""The texts in a journal's entries, as a reader sees them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Entry = Mapping[str, Any]
"""One line of the journal, or a part of one."""


def text_of(message: Entry) -> str:
    """What a message says; of parts that are no text, their JSON."""
    return as_text(message.get("content"))


def as_text(value: Any) -> str:
    """A text as it is, "" for None, and JSON for the rest."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def asked_for(task: Entry) -> str:
    """The task, without the message that told the agents what the first entry says as `shared`."""
    messages = [message for message in task.get("messages") or [] if not _tells_of_shared_data(message)]
    return "\n\n".join(filter(None, map(text_of, messages)))


def _tells_of_shared_data(message: Entry) -> bool:
    return (message.get("metadata") or {}).get("nbagents") == "shared"


def shared_lines(shared: Any) -> list[str]:
    """What went to the models, one line each: names, or names with their summaries."""
    if isinstance(shared, Mapping):
        return [f"{name}: {_line(what)}" if what else str(name) for name, what in shared.items()]
    return [_line(what) for what in shared or []]


def _line(what: Any) -> str:
    if isinstance(what, Mapping):
        name, rest = what.get("name", ""), what.get("summary") or what.get("schema") or ""
        return ": ".join(filter(None, [str(name), as_text(rest)]))
    return str(what)


def why_it_ended(error: str) -> str:
    """A cancelled block was stopped; the name of the exception helps nobody, only that it took effect late."""
    if not error.startswith("CancelledError"):
        return error
    late = error.partition(": only ")[2]
    return f"stopped, only {late}" if late else "stopped"


def what_is_tried(retry: Entry) -> str:
    """That a model did not answer, and what is done about it."""
    other, wait = retry.get("fallback"), retry.get("wait", 0)
    attempt = f"attempt {retry['attempt'] + 1} of {retry['attempts']}"
    then = f"asking {other}" if other else f"asking again in {wait:.0f} s ({attempt})" if wait >= 1 else attempt
    return f"{retry['provider']}/{retry['model']} did not answer, {then}"
