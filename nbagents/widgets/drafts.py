"""Drafts: what agents are writing, shown behind all items until what was written is there, or is not to come."""

from __future__ import annotations

from typing import Any

from .batcher import Op
from .entry_texts import Entry
from .sanitize import visible
from .streaming import StreamedCode, StreamedMarkdown


class Draft:
    """What an agent is writing.

    Args:
        tool: the tool whose call it writes; "" for text.
    """

    def __init__(self, id: str, agent: str, turn: int, tool: str = "") -> None:
        self.id, self.agent, self.turn, self.tool = id, agent, turn, tool
        self.text: StreamedMarkdown | StreamedCode = StreamedCode() if tool else StreamedMarkdown()

    def as_item(self) -> dict[str, Any]:
        """The draft as an item, with what was sent of it so far."""
        whole = self.text.whole()
        item = {"id": self.id, "kind": "draft", "agent": self.agent, "turn": self.turn}
        title = visible(f"tool {self.tool}") if self.tool else ""
        return {**item, "title": title, "state": "", "label": "", "html": whole.finished, "tail": whole.tail}

    def as_op(self) -> Op:
        """What was written since the last op."""
        step = self.text.look()
        return {"op": "text", "id": self.id, "html": step.finished, "tail": step.tail}


def ends(draft: Draft, entry: Entry) -> bool:
    """Whether the draft is over with this entry: what was written is there, or something else in its place.

    A text is there with its agent's next message; a call with what its agent does next, so that nothing is missing
    in between: that the call was asked for is told, but not shown. It is not to come where the model's answer failed.
    """
    if entry["type"] == "result":
        return bool(draft.tool) and not entry["ok"] and draft.id.startswith(f"draft-{entry['effect']}.")
    if entry["type"] == "message":
        message = entry["message"]
        asked_for = bool(draft.tool) and message.get("type") == "ToolCallRequestEvent"
        return message.get("source", "") == draft.agent and not asked_for
    return bool(draft.tool) and entry["type"] in ("effect", "question") and entry.get("agent") == draft.agent
