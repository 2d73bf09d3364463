"""An entry as a line on disk: what the lines above say already is not said again.

A turn of a long conversation costs about half a kilobyte and its text once. A line is still JSON that a person can
read; `unpacked` makes the whole entry of it:

    seq         the number of the line, from 0
    at          on the first line; on the others `ms`, the milliseconds since then
    key         without "sha256:", and in base64
    message     `said`: without empty `metadata` and `models_usage`, its `type` left out for a TextMessage, its `id` in
                base64, its `created_at` in microseconds after `at`; an answer's text, usage and source stand in the
                `result` of the effect that it is `of`
    value       of a model's answer: without `cached` and `model` where they say nothing
    seconds     left out where they are 0

Lines that say it all are read too.
"""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

Entry = dict[str, Any]
_MICROSECOND = timedelta(microseconds=1)


def moment(milliseconds: int) -> str:
    """The time of an entry, in UTC."""
    seconds, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000).isoformat(timespec="milliseconds")


class Lines:
    """The lines of one journal, in order."""

    def __init__(self) -> None:
        self._first: datetime | None = None
        self._count = 0
        self._effects: dict[str, str] = {}  # who asks, by effect, until it has ended
        self._answers: dict[str, tuple[str, Entry]] = {}  # the last answer of each agent, and its effect

    def packed(self, entry: Entry) -> Entry:
        """The next entry as its line says it."""
        line = {name: value for name, value in entry.items() if name not in ("seq", "at")}
        at = datetime.fromisoformat(entry["at"])
        if self._first is None:
            line = {"at": entry["at"], **line}
        else:
            line["ms"] = (at - self._first) // (1000 * _MICROSECOND)
        if isinstance(line.get("key"), str) and line["key"].startswith("sha256:"):
            line["key"] = _short(bytes.fromhex(line["key"][7:]))
        if line["type"] == "message" and line.get("message", {}).keys() >= _MESSAGE:
            line["said"] = self._said(line.pop("message"), at)
        if line["type"] == "result":
            line = _without_the_usual(line)
        self._remember(entry, at)
        return line

    def unpacked(self, line: Entry) -> Entry:
        """The entry that the next line says."""
        entry: Entry = {"seq": self._count, **line}
        if "ms" in entry and self._first is not None:
            at = self._first + entry.pop("ms") * 1000 * _MICROSECOND
            entry["at"] = at.isoformat(timespec="milliseconds")
        else:
            at = datetime.fromisoformat(entry["at"]) if "at" in entry else datetime.now(UTC)
        if isinstance(entry.get("key"), str) and not entry["key"].startswith("sha256:"):
            entry["key"] = "sha256:" + _long(entry["key"]).hex()
        if "said" in entry:
            entry["message"] = self._message(entry.pop("said"), at)
        if entry["type"] == "result":
            entry.setdefault("seconds", 0.0)
            if isinstance(entry.get("value"), dict) and "finish_reason" in entry["value"]:
                entry["value"] = {"cached": False, "model": "", **entry["value"]}
        self._remember(entry, at)
        return entry

    def _said(self, message: Entry, at: datetime) -> Entry:
        said = {name: value for name, value in message.items() if name != "type" or value != "TextMessage"}
        for name, nothing in (("metadata", {}), ("models_usage", None)):
            if name in said and said[name] == nothing:
                del said[name]
        effect, result = self._answers.get(message.get("source", ""), ("", {}))
        answer = result.get("value", {})
        if effect and answer.get("content") == said.get("content") and said.get("models_usage") == result.get("usage"):
            said = {"of": effect, **{name: said[name] for name in said if name not in _ANSWERED}}
        if _is_uuid(said.get("id")):
            said["id"] = _short(uuid.UUID(said["id"]).bytes)
        created = said.get("created_at")
        if isinstance(created, str) and created.endswith("Z") and _written(datetime.fromisoformat(created)) == created:
            said["created_at"] = (datetime.fromisoformat(created) - at) // _MICROSECOND
        return said

    def _message(self, said: Entry, at: datetime) -> Entry:
        message = {"metadata": {}, "models_usage": None, "type": "TextMessage", **said}
        if "of" in message:
            effect = message.pop("of")
            for agent, (of, result) in self._answers.items():
                if of == effect:
                    usage = result.get("usage")
                    message |= {"source": agent, "content": result["value"]["content"], "models_usage": usage}
        if isinstance(message.get("id"), str) and len(message["id"]) == _SHORT_ID:
            message["id"] = str(uuid.UUID(bytes=_long(message["id"])))
        if isinstance(message.get("created_at"), int):
            message["created_at"] = _written(at + message["created_at"] * _MICROSECOND)
        return message

    def _remember(self, entry: Entry, at: datetime) -> None:
        self._count += 1
        if self._first is None:
            self._first = at
        if entry["type"] == "effect":
            self._effects[entry["effect"]] = entry["agent"]
        elif entry["type"] == "result":
            agent = self._effects.pop(entry["effect"], "")
            if agent and isinstance(entry.get("value"), dict) and isinstance(entry["value"].get("content"), str):
                self._answers[agent] = (entry["effect"], entry)


_MESSAGE = {"id", "source", "models_usage", "metadata", "created_at", "type"}
_ANSWERED = ("source", "content", "models_usage")
_SHORT_ID = 22


def _without_the_usual(line: Entry) -> Entry:
    line = {name: value for name, value in line.items() if name != "seconds" or value}
    value = line.get("value")
    if isinstance(value, dict) and "finish_reason" in value:
        usual = {"cached": False, "model": ""}
        line["value"] = {name: item for name, item in value.items() if name not in usual or item != usual[name]}
    return line


def _short(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _long(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _is_uuid(text: Any) -> bool:
    try:
        return isinstance(text, str) and str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _written(time: datetime) -> str:
    """A time as a message's JSON has it."""
    return time.isoformat().replace("+00:00", "Z")
