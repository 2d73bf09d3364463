"""What a person is asked and decides, folded from questions and answers."""

from __future__ import annotations

from .entry_texts import Entry
from .item_list import ItemList
from .items import Asked, Block


class Decisions:
    """Approvals and replies, in `items`."""

    def __init__(self, items: ItemList) -> None:
        self._items = items

    @property
    def waiting(self) -> Block | Asked | None:
        """What waits longest for a person, as long as the run goes on."""
        for item in self._items.all:
            if (isinstance(item, Block) and item.state == "waiting") or (isinstance(item, Asked) and item.waits):
                return item
        return None

    def question(self, entry: Entry) -> None:
        """A person is asked: whether a block may run, or what to reply."""
        items, agent, id = self._items, entry["agent"], entry["question"]
        if entry["kind"] != "approval":
            items.add(Asked(items.new_id("asked"), items.turn, agent, id, entry.get("prompt", "")))
            return
        block = items.block_for(agent, entry["code"], entry.get("language", ""), ["proposed"])
        block.state, block.question, block.target = "waiting", id, entry.get("target", "")
        items.touch(block)

    def answer(self, entry: Entry) -> None:
        """A person has decided."""
        for item in self._items.all:
            if isinstance(item, Asked) and item.question == entry["question"]:
                item.decision, item.reply = entry["decision"], entry.get("text", "")
                self._items.touch(item)
            elif isinstance(item, Block) and item.question == entry["question"]:
                self._decided(item, entry)

    def end(self) -> None:
        """The run has ended: what waits now is never replied to. Blocks are the work's."""
        for item in self._items.all:
            if isinstance(item, Asked) and item.waits:
                item.unanswered = True
                self._items.touch(item)

    def _decided(self, block: Block, entry: Entry) -> None:
        decision = entry["decision"]
        if decision == "reject":
            block.state, block.reason = "rejected", entry.get("text", "")
        else:
            block.state, block.approved_by = "approved", entry.get("channel") or "you"
            block.allowed_all = decision == "allow"
            if decision == "edit" and entry.get("code", "") != block.code:
                block.proposed_code, block.code = block.code, entry.get("code", "")
        self._items.touch(block)
