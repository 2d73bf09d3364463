"""What agents say, folded from their messages: texts, thoughts, and the blocks of code within them."""

from __future__ import annotations

from collections.abc import Callable

from .code_split import Fence, Prose, split_at_code
from .entry_texts import Entry, text_of
from .item_list import ItemList
from .items import Asked, Block, Item, Said, Thought

CHAT_TYPES = ("TextMessage", "StopMessage", "ToolCallSummaryMessage", "HandoffMessage")
SILENT_TYPES = (
    "UserInputRequestedEvent",
    "ModelClientStreamingChunkEvent",
    # The effects show what was called and what it gave back.
    "ToolCallRequestEvent",
    "ToolCallExecutionEvent",
)


class Chat:
    """What agents say, in `items`.

    Args:
        items: where it is shown.
        asked_model: whether an agent has asked a model since its last block began.
    """

    def __init__(self, items: ItemList, asked_model: Callable[[str], bool]) -> None:
        self._items, self._asked_model = items, asked_model
        self._chat: list[tuple[str, str]] = []

    def message(self, message: Entry) -> None:
        """Somebody said something."""
        kind, agent, id = message.get("type", ""), message.get("source", ""), message.get("id", "")
        if kind == "CodeGenerationEvent":
            self._code_written(agent, id, message)
        elif kind == "CodeExecutionEvent":
            self._items.skip_open_blocks(agent, "an earlier block did not succeed")
        elif kind == "ThoughtEvent":
            self._items.add(Thought(self._items.new_id("thought"), self._items.turn, agent, text_of(message)))
        elif kind not in SILENT_TYPES and (text := text_of(message)):
            if kind in CHAT_TYPES:
                self._chat.append((id, text))
            if not self._repeats(agent, id, text):
                self._say(agent, id, text)

    def last_word(self, stop: str) -> tuple[str, str]:
        """The id and text of the last chat message that says more than `stop`; "" and "" where none does."""
        for id, text in reversed(self._chat):
            rest = text.replace(stop, "") if stop else text
            if any(character.isalnum() for character in rest):
                return id, text
        return "", ""

    def is_last_word(self, item: Item, stop: str) -> bool:
        """True for the item that shows it."""
        id, text = self.last_word(stop)
        return isinstance(item, Said) and item.message == id and item.markdown == text

    def _say(self, agent: str, id: str, text: str) -> None:
        self._items.add(Said(self._items.new_id("said"), self._items.turn, agent, text, id))

    def _code_written(self, agent: str, id: str, message: Entry) -> None:
        blocks = message.get("code_blocks") or []
        parts = split_at_code(message.get("content") or "", [block["code"] for block in blocks])
        hidden = [Fence(index) for index in range(len(blocks)) if Fence(index) not in parts]
        for part in [*parts, *hidden]:
            if isinstance(part, Prose):
                self._say(agent, id, part.markdown)
            else:
                block = blocks[part.index]
                self._items.add(self._items.new_block(agent, block["code"], block.get("language", "")))

    def _repeats(self, agent: str, id: str, text: str) -> bool:
        """True for a message that only says what stands there: a person's reply, an executor's output."""
        last = self._items.last_of(agent)
        if isinstance(last, Asked) and last.decision and not last.message:
            last.message, last.reply = id, text
            self._items.touch(last)
            return True
        # An agent that asked no model since its block ended has nothing to say but what the block did.
        return isinstance(last, Block) and not last.open and not self._asked_model(agent)
