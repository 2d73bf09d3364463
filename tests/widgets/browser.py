"""What a view makes of the kernel's messages, as the widget's front end does it."""

from __future__ import annotations

from typing import Any


class View:
    """One view: its items in order, its status and its question."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.items: list[dict[str, Any]] = []
        self.status: dict[str, Any] = {}
        self.question: dict[str, Any] | None = None
        self.seq: int | None = None
        self.other: list[dict[str, Any]] = []

    def receive(self, message: dict[str, Any]) -> None:
        if message["t"] == "snapshot":
            if message["view"] == self.name:
                self.seq, self.status, self.question = message["seq"], message["status"], message["question"]
                self.items = [dict(item) for item in message["items"]]
        elif message["t"] == "delta":
            if self.seq is None or message["seq"] <= self.seq:
                return
            assert message["seq"] == self.seq + 1, "a delta is missing"
            self.seq = message["seq"]
            for op in message["ops"]:
                self._apply(op)
        elif message["t"] == "seq":
            assert self.seq in (None, message["seq"]), "a delta is missing"
        else:
            self.other.append(message)

    def _apply(self, op: dict[str, Any]) -> None:
        match op["op"]:
            case "put":
                self._put(dict(op["item"]), op["after"])
            case "text":
                item = self._item(op["id"])
                item["html"] += op["html"]
                item["tail"] = op["tail"]
            case "drop":
                self.items = [item for item in self.items if item["id"] != op["id"]]
            case "status":
                self.status = op["status"]
            case "question":
                self.question = op["question"]

    def _put(self, item: dict[str, Any], after: str | None) -> None:
        ids = [other["id"] for other in self.items]
        if item["id"] in ids:
            self.items[ids.index(item["id"])] = item
        elif after is None:
            self.items.append(item)
        else:
            self.items.insert(ids.index(after) + 1 if after else 0, item)

    def _item(self, id: str) -> dict[str, Any]:
        return next(item for item in self.items if item["id"] == id)

    def shown(self) -> tuple[Any, ...]:
        """Everything but the seconds."""
        return self.items, {**self.status, "seconds": 0}, self.question
