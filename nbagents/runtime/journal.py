"""The journal: a run is an append-only log of JSON lines, and everything else about it is read from here.

One entry per fact, written once and before anything depends on it. A line of the file says only what the lines above
it do not (`journal_lines.py`); `read` gives back the entries. Format 1; every entry has `seq` (from 0),
`at` (UTC, ISO 8601) and `type`:

    run       format, id, name, nbagents, python, team, agents, shared, settings   the first entry: what was run
    task      messages
    speaker   turn, agents                                       whose turn begins
    message   turn, message                                      a chat message or event, as `BaseMessage.dump`
    question  question, kind, agent, prompt, and for kind "approval": code, language, target
    answer    question, decision, text, code, channel            decision: run edit reject allow reply decide end
    effect    effect, kind, agent, key, request                  started; kind: model tool code person
    result    effect, ok, value | error, usage, cost, estimated, seconds
                                                                  finished; cost: USD, if known and not free
    retry     effect, provider, model, error, attempt, attempts, wait, fallback,
              usage, cost, estimated                              a model is asked again; what the failed attempt cost
    unpriced  model, limit                                      the budget in dollars cannot hold this model back
    detached  -                                                  the cell ended, the run goes on
    end       status, reason, usage, error, more                 status: done paused stopped failed
    resumed   by, budget, again                                  after an end that is not done: the run goes on

`key` is the SHA-256 of the canonical JSON (RFC 8785; Python's, where that has no words for a value) of kind, agent
and request: the same effect has the same key on any machine, which is what a replay looks up. In the request of a
model call the messages stand for themselves by their digest, which costs only what is new in the prompt
(`prompt_digest.py`). An `effect` without a `result` was interrupted and is never repeated silently. Secrets are taken
out of every line before it is written.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import JournalError
from ..messages import BaseMessage, CodeExecutionEvent
from ..models.messages import CreateResult, RequestUsage
from .journal_lines import Entry, Lines, moment
from .redaction import redacted
from .usage import ModelCall

FORMAT = 1
_quoted = json.encoder.encode_basestring


def effect_key(kind: str, agent: str, request: Any) -> str:
    """The name under which an effect's result is found again: "sha256:" and 64 hexadecimal digits."""
    if isinstance(request, dict) and all(isinstance(value, str) for value in request.values()):
        # The same bytes, many times as fast: names are ASCII and values are texts.
        said = ",".join([f"{_quoted(name)}:{_quoted(request[name])}" for name in sorted(request)])
        text = f'{{"agent":{_quoted(agent)},"kind":{_quoted(kind)},"request":{{{said}}}}}'
        canonical = text.encode("utf-8", "surrogatepass")
    else:
        canonical = _canonical({"kind": kind, "agent": agent, "request": request})
    return "sha256:" + hashlib.sha256(canonical).hexdigest()


def _canonical(asked: dict[str, Any]) -> bytes:
    import rfc8785

    try:
        return rfc8785.dumps(asked)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        # A model writes what the RFC does not know: whole numbers above 2**53, NaN, half of a character.
        return json.dumps(asked, sort_keys=True).encode("ascii")


class Journal:
    """Writes one run's entries, in memory or also to a file.

    Args:
        path: the file to append to; None keeps the entries in memory only.
        redact: takes secrets out of a text; applied to every string of every entry.
    """

    def __init__(self, path: Path | None = None, redact: Callable[[str], str] | None = None) -> None:
        self.path = path
        self._place = path.absolute() if path is not None else None  # found again after a change of the directory
        self._entries: list[Entry] = []
        self._noted: list[tuple[float, str, dict[str, Any]]] = []
        self._redact = redact
        self._lines = Lines()
        self._file = _create(path) if path is not None else None
        self._size = 0
        """The bytes of the file, all of them written here: whole lines."""

    @property
    def entries(self) -> list[Entry]:
        """All entries so far, as they were written."""
        if self._noted:
            noted, self._noted = self._noted, []
            for at, type, fields in noted:
                self._write(at, type, {name: dumped(value) for name, value in fields.items()})
        return self._entries

    def note(self, type: str, /, **fields: Any) -> None:
        """As `write`, for a fact that nobody follows: kept in memory, it is made an entry when somebody reads it.

        Messages may be given as they are.
        """
        if self._file is None:
            self._noted.append((time.time(), type, fields))
        else:
            self.write(type, **{name: dumped(value) for name, value in fields.items()})

    def write(self, type: str, /, **fields: Any) -> Entry:
        """Append one entry and return it, as it was written.

        Raises:
            JournalError: the file cannot be written (disk full, permission): nothing may go on without it.
        """
        _ = self.entries  # what was noted before comes first
        return self._write(time.time(), type, fields)

    def _write(self, at: float, type: str, fields: dict[str, Any]) -> Entry:
        entry: Entry = {
            "seq": len(self._entries),
            "at": moment(int(at * 1000)),
            "type": type,
            **{name: value for name, value in fields.items() if value is not None},
        }
        if self._redact is not None:
            entry = redacted(entry, self._redact)
        if self._file is not None:
            self._append(json.dumps(self._lines.packed(entry), ensure_ascii=False, separators=(",", ":")))
        self._entries.append(entry)
        return entry

    def reopen(self) -> None:
        """Go on after `close`; a journal that is open stays as it is.

        Raises:
            JournalError: the file is not there any more, or not as it was left, or cannot be written.
        """
        if self._file != -1:
            return
        assert self._place is not None, "only a journal in a file is closed"
        try:
            size = self._place.stat().st_size
            if size != self._size:
                raise JournalError(
                    f"the journal {self.path} is not as the run left it ({size:,} bytes, not {self._size:,}): "
                    "the run cannot go on"
                )
            self._file = os.open(self._place, os.O_WRONLY | os.O_APPEND)
        except OSError as error:
            raise JournalError(f"the journal {self.path} cannot be opened ({error}): the run cannot go on") from error

    def close(self) -> None:
        """Close the file; a later `write` raises, until it is opened again."""
        if self._file is not None and self._file != -1:
            os.close(self._file)
            self._file = -1

    def _append(self, line: str) -> None:
        assert self._file is not None
        # One write of one whole line to a file opened with O_APPEND: a process killed at any moment leaves
        # whole lines only, and the entry is with the operating system before this returns.
        data = left = (line + "\n").encode("utf-8", "surrogatepass")
        try:
            while left:
                left = left[os.write(self._file, left) :]
            self._size += len(data)
        except OSError as error:
            if len(left) < len(data):  # a part of the line is there, as on a disk that is full now
                with suppress(OSError):  # then `reopen` finds it
                    os.ftruncate(self._file, self._size)
            raise JournalError(f"the journal {self.path} cannot be written ({error}): the run cannot go on") from error


def read(path: Path) -> list[Entry]:
    """The entries of the journal at `path`; a last line cut off by a crash is left out.

    Raises:
        JournalError: the file is no journal of this format, or is damaged before its last line.
    """
    entries: list[Entry] = []
    whole = Lines()
    lines = path.read_text("utf-8", "surrogatepass").split("\n")
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            entries.append(whole.unpacked(json.loads(line)))
        except ValueError as error:
            if number == len(lines):
                break
            raise JournalError(f"{path}, line {number}: not JSON ({error})") from error
    if not entries or entries[0].get("format") != FORMAT:
        raise JournalError(f"{path} is not a journal of format {FORMAT}: its first entry must say so")
    return entries


def dumped(value: Any) -> Any:
    """What is noted as JSON: a message, a model's answer, its usage and cost; everything else is JSON already."""
    if isinstance(value, BaseMessage):
        return as_recorded(value)
    if isinstance(value, list | tuple):
        return [dumped(item) for item in value]
    if isinstance(value, CreateResult):
        return value.model_dump(mode="json", exclude={"usage"}, exclude_none=True)
    if isinstance(value, RequestUsage):
        return {"prompt_tokens": value.prompt_tokens, "completion_tokens": value.completion_tokens}
    if isinstance(value, ModelCall):
        return value.usd or None
    return value


def as_recorded(message: BaseMessage) -> dict[str, Any]:
    """A message as an entry keeps it."""
    data = message.dump()
    if isinstance(message, CodeExecutionEvent):
        # The outputs stand in the effect's result already; figures must not be kept twice.
        data["result"].pop("outputs", None)
    return data


def _create(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    except OSError as error:
        raise JournalError(
            f"the journal {path} cannot be made ({error}): give the run a place that can be written"
        ) from error
